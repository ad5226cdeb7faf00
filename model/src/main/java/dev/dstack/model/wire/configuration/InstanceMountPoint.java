package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;

public record InstanceMountPoint(
    String instancePath,
    String path,
    @Default("false") boolean optional) implements MountPoint {}
