package dev.dstack.model.wire.configuration;

/** A host of an SSH fleet: its name, or its name with what differs from the fleet's settings. */
public sealed interface SshHost permits SshHostName, SshHostParams {
  String hostname();
}
