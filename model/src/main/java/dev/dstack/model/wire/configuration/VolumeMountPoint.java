package dev.dstack.model.wire.configuration;

public record VolumeMountPoint(VolumeNames name, String path) implements MountPoint {
  public VolumeMountPoint {
    path = PosixPaths.absolute("path", path);
  }
}
