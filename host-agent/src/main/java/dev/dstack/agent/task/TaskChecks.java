package dev.dstack.agent.task;

import dev.dstack.agent.docker.ImageReference;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.RepoRequest;
import dev.dstack.model.agent.TaskRequest;
import dev.dstack.model.agent.VolumeRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What a request must be like to be accepted. */
final class TaskChecks {
  static final int MAX_FILES = 1_000;
  private static final int MAX_PORTS = 1_000;
  private static final int MAX_MOUNTS = 200;
  private static final int MAX_PORT = 65_535;
  private static final long LEAST_MEMORY_BYTES = 64L << 20;
  private static final String RESERVED = "/.dstack";

  private static final Pattern VOLUME_ID = Pattern.compile("[0-9a-zA-Z-]{1,64}");

  private final Archives archives;

  TaskChecks(Archives archives) {
    this.archives = archives;
  }

  /**
   * @throws DstackException INVALID_SPEC or FILE_NOT_FOUND, naming the field
   */
  void check(TaskRequest request) {
    if (request.id() == null) {
      throw invalid("id: is missing");
    }
    Launch.check(request);
    if (request.files().size() > MAX_FILES) {
      throw invalid("files: has " + request.files().size() + " entries, the limit is " + MAX_FILES);
    }
    for (TaskRequest.FileMount mount : request.files()) {
      if (mount.hash() == null || mount.path() == null || mount.path().isBlank()) {
        throw invalid("files: an entry needs hash and path");
      }
      checkPath("files", mount.path());
      checkArchive("files", mount.hash(), mount.path());
    }
    RepoRequest repo = request.repo();
    if (repo != null && repo.archive() != null) {
      checkArchive("repos", repo.archive(), repo.path());
    }
    String workingDir = request.workingDir();
    if (workingDir != null) {
      checkPath("working_dir", workingDir);
    }
    Long maximum = request.maxDurationSeconds();
    if (maximum != null && maximum <= 0) {
      throw invalid("max_duration_seconds: must be above 0, is " + maximum);
    }
    if (request.container() != null) {
      check(request.container());
    }
    for (VolumeRequest volume : request.volumes()) {
      check(volume);
    }
  }

  private void checkArchive(String field, String hash, String path) {
    if (!archives.has(hash)) {
      throw new DstackException(
          ErrorKind.FILE_NOT_FOUND,
          field + ": the archive " + hash + " for '" + path + "' was not uploaded");
    }
  }

  private static void check(ContainerRequest container) {
    if (ImageReference.parse(container.image()) == null) {
      throw invalid("image: '" + container.image() + "' is not the name of an image");
    }
    if (container.cpus() < 0 || container.memoryBytes() < 0 || container.shmBytes() < 0) {
      throw invalid("resources: can't be negative");
    }
    if (container.memoryBytes() > 0 && container.memoryBytes() < LEAST_MEMORY_BYTES) {
      throw invalid(
          "resources: a container needs at least "
              + ContainerEnding.size(LEAST_MEMORY_BYTES)
              + " of memory");
    }
    if (container.ports().size() > MAX_PORTS || container.mounts().size() > MAX_MOUNTS) {
      throw invalid(
          "ports, volumes: the limits are " + MAX_PORTS + " ports and " + MAX_MOUNTS + " mounts");
    }
    Set<Integer> ports = new HashSet<>();
    for (ContainerRequest.PortMap port : container.ports()) {
      if (port.containerPort() < 1
          || port.containerPort() > MAX_PORT
          || port.hostPort() < 0
          || port.hostPort() > MAX_PORT) {
        throw invalid("ports: " + port.hostPort() + ":" + port.containerPort() + " is none");
      }
      if (!ports.add(port.containerPort())) {
        throw invalid("ports: " + port.containerPort() + " is there twice");
      }
    }
    for (ContainerRequest.Mount mount : container.mounts()) {
      checkMount("volumes", mount.source());
      checkMount("volumes", mount.target());
      Path target = Path.of(mount.target()).normalize();
      if (target.startsWith(RESERVED) || target.equals(Path.of("/"))) {
        throw invalid("volumes: nothing can be mounted at " + mount.target());
      }
    }
  }

  private static void check(VolumeRequest volume) {
    if (volume.id() == null || !VOLUME_ID.matcher(volume.id()).matches()) {
      throw invalid("volumes: '" + volume.id() + "' is not the id of a volume");
    }
    boolean device = volume.device() != null;
    if (volume.providerId() == null || device == (volume.directory() != null)) {
      throw invalid("volumes: " + volume.name() + " needs either a device or a directory");
    }
    checkMount("volumes", device ? volume.device() : volume.directory());
    checkMount("volumes", volume.target());
    Path target = Path.of(volume.target()).normalize();
    if (target.startsWith(RESERVED) || target.equals(Path.of("/"))) {
      throw invalid("volumes: nothing can be mounted at " + volume.target());
    }
  }

  private static void checkMount(String field, @Nullable String path) {
    if (path == null || !path.startsWith("/") || path.indexOf('\0') >= 0) {
      throw invalid(field + ": '" + path + "' is not an absolute path");
    }
    for (Path part : Path.of(path)) {
      if (part.toString().equals("..")) {
        throw invalid(field + ": '" + path + "' must not go up by '..'");
      }
    }
  }

  private static void checkPath(String field, String path) {
    try {
      Path parsed = Path.of(path);
      boolean climbs = !parsed.isAbsolute() && parsed.normalize().startsWith("..");
      if (climbs || path.indexOf('\n') >= 0) {
        throw invalid(field + ": '" + path + "' leads out of the task's directory");
      }
    } catch (InvalidPathException e) {
      throw new DstackException(ErrorKind.INVALID_SPEC, field + ": not a path", e);
    }
  }

  private static DstackException invalid(String message) {
    return new DstackException(ErrorKind.INVALID_SPEC, message);
  }
}
