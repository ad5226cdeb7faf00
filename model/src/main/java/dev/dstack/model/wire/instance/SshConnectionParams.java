package dev.dstack.model.wire.instance;

public record SshConnectionParams(String hostname, String username, int port) {}
