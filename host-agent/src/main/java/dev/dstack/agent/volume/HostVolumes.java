package dev.dstack.agent.volume;

import dev.dstack.agent.AgentLog;
import dev.dstack.model.agent.ContainerRequest;
import dev.dstack.model.agent.VolumeRequest;
import dev.dstack.model.ids.JobId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which task has which volume stands in files, one for each pair, so that it survives the agent:
 * {@code ID/users/JOB.POSITION} holds the path at which the task has it. A device is mounted at
 * {@code ID/data}.
 */
public final class HostVolumes {
  private final Path directory;
  private final AgentLog log;

  public HostVolumes(Path directory, AgentLog log) {
    this.directory = directory.toAbsolutePath().normalize();
    this.log = log;
  }

  /** The container with its volumes among its mounts. */
  public ContainerRequest into(ContainerRequest container, List<VolumeRequest> volumes) {
    if (volumes.isEmpty()) {
      return container;
    }
    List<ContainerRequest.Mount> mounts = new ArrayList<>(container.mounts());
    for (VolumeRequest volume : volumes) {
      mounts.add(
          new ContainerRequest.Mount(source(volume).toString(), volume.target(), false, false));
    }
    return new ContainerRequest(
        container.image(),
        container.registry(),
        container.entrypoint(),
        container.privileged(),
        container.cpus(),
        container.memoryBytes(),
        container.shmBytes(),
        container.gpus(),
        container.hostNetwork(),
        container.ports(),
        mounts,
        container.labels());
  }

  private Path source(VolumeRequest volume) {
    String given = volume.directory();
    return given == null ? data(volume) : Path.of(given);
  }

  private Path data(VolumeRequest volume) {
    return directory.resolve(volume.id()).resolve("data");
  }

  private Path users(VolumeRequest volume) {
    return directory.resolve(volume.id()).resolve("users");
  }

  /**
   * Makes the volumes usable for a task; again is the same.
   *
   * @param link the task is no container: the path leads to the volume by a symbolic link
   * @return why it can't be, in words
   */
  public synchronized Optional<String> take(JobId task, List<VolumeRequest> volumes, boolean link)
      throws IOException, InterruptedException {
    for (int position = 0; position < volumes.size(); position++) {
      VolumeRequest volume = volumes.get(position);
      String what = "volumes: " + volume.name() + ": ";
      Path users = Files.createDirectories(users(volume));
      Files.write(
          users.resolve(task + "." + position), volume.target().getBytes(StandardCharsets.UTF_8));
      try {
        if (volume.directory() == null) {
          Path place = Files.createDirectories(data(volume));
          if (!Devices.isMounted(place)) {
            Devices.mount(volume, place);
            log.info("volume " + volume.name() + " (" + volume.id() + ") is mounted");
          }
        } else if (!Files.isDirectory(Path.of(volume.directory()))) {
          return Optional.of(what + "its directory " + volume.directory() + " is not there");
        }
      } catch (Devices.UnusableException e) {
        return Optional.of(what + e.getMessage());
      }
      if (link) {
        Optional<String> problem = link(Path.of(volume.target()), source(volume));
        if (problem.isPresent()) {
          return Optional.of(what + problem.get());
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<String> link(Path target, Path source) throws IOException {
    try {
      Path parent = target.getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      Files.createSymbolicLink(target, source);
      return Optional.empty();
    } catch (FileAlreadyExistsException e) {
      return leadsTo(target, source)
          ? Optional.empty()
          : Optional.of(
              target
                  + " exists on the host, so a run without `image` can't have the volume there;"
                  + " choose another path, or set `image`");
    } catch (IOException e) {
      return Optional.of(
          target
              + " can't be made on the host ("
              + e
              + "), so a run without `image` can't have the volume there; choose a path that the"
              + " host's user may write, or set `image`");
    }
  }

  private static boolean leadsTo(Path target, Path source) throws IOException {
    return Files.isSymbolicLink(target) && Files.readSymbolicLink(target).equals(source);
  }

  /** The task is over; what nobody else has is unmounted. Again is the same. */
  public synchronized void release(JobId task, List<VolumeRequest> volumes)
      throws IOException, InterruptedException {
    for (int position = 0; position < volumes.size(); position++) {
      VolumeRequest volume = volumes.get(position);
      Path users = users(volume);
      Files.deleteIfExists(users.resolve(task + "." + position));
      List<String> others = others(users);
      Path target = Path.of(volume.target());
      if (!others.contains(volume.target()) && leadsTo(target, source(volume))) {
        Files.deleteIfExists(target);
      }
      if (others.isEmpty()) {
        forget(volume);
      }
    }
  }

  private void forget(VolumeRequest volume) throws IOException, InterruptedException {
    Path place = data(volume);
    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
      if (!Devices.unmount(place)) {
        log.warn("volume " + volume.name() + " can't be unmounted: something uses it", null);
        return;
      }
      log.info("volume " + volume.name() + " (" + volume.id() + ") is unmounted");
      // Empty by now; if it is not, this fails and what is in it stays.
      Files.deleteIfExists(place);
    }
    Files.deleteIfExists(users(volume));
    Files.deleteIfExists(directory.resolve(volume.id()));
  }

  private static List<String> others(Path users) throws IOException {
    List<String> targets = new ArrayList<>();
    if (Files.isDirectory(users)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(users)) {
        for (Path file : files) {
          targets.add(Files.readString(file));
        }
      }
    }
    return targets;
  }
}
