package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;

/**
 * @param optional backends that cannot mount host directories run without it
 */
public record InstanceMountPoint(
    String instancePath, String path, @Default("false") boolean optional) implements MountPoint {
  public InstanceMountPoint {
    instancePath = PosixPaths.absolute("instance_path", instancePath);
    path = PosixPaths.absolute("path", path);
  }
}
