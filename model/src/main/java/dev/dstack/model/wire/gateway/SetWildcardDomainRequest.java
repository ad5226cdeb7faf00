package dev.dstack.model.wire.gateway;

public record SetWildcardDomainRequest(String name, String wildcardDomain) {}
