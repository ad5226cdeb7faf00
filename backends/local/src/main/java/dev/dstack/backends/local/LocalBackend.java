package dev.dstack.backends.local;

import dev.dstack.agent.host.HostResources;
import dev.dstack.backends.BackendContext;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.VolumeAttachment;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.WithVolumes;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.Resources;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * This machine. There is one of it, so every tag is the same machine under another name: fleets of
 * two projects share it, each believing to have all of it. The agent is started with the first tag
 * and ended with the last.
 */
final class LocalBackend implements ComputeBackend, WithVolumes {
  private static final String NAME = "local";
  private static final Duration DETECTED_FOR = Duration.ofSeconds(30);

  private final BackendContext context;
  private final LocalConfig config;
  private final AgentDaemon daemon;
  private final Path tags;
  private final LocalVolumes volumes;
  private @Nullable Resources detected;
  private Instant detectedAt = Instant.EPOCH;

  LocalBackend(BackendContext context, LocalConfig config, AgentDaemon daemon) {
    this.context = context;
    this.config = config;
    this.daemon = daemon;
    this.tags = daemon.home().resolve("machines");
    this.volumes = new LocalVolumes(context.serverDir().resolve("volumes"), config.loopVolumes());
  }

  @Override
  public BackendType type() {
    return BackendType.LOCAL;
  }

  @Override
  public List<Offer> offers(Requirements requirements) {
    Offer offer = offer();
    return requirements.refusal(offer).isEmpty() ? List.of(offer) : List.of();
  }

  @Override
  public Machine ensure(MachineSpec spec) {
    daemon.checkHome();
    try {
      Files.createDirectories(tags);
      Path tag = tags.resolve(spec.tag().token());
      if (!Files.exists(tag)) {
        Files.writeString(tag, spec.project() + "/" + spec.instanceName() + "\n");
      }
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.BACKEND_UNAVAILABLE,
          "the machine can't be noted down in " + tags + ": " + e,
          e);
    }
    return machine(spec.tag());
  }

  /** Also starts the agent again if it died: the machine is there as long as its tag is. */
  @Override
  public Optional<Machine> find(InstanceTag tag) {
    return Files.exists(tags.resolve(tag.token())) ? Optional.of(machine(tag)) : Optional.empty();
  }

  @Override
  public void terminate(InstanceTag tag) {
    try {
      Path mark = tags.resolve(tag.token());
      if (!Files.exists(mark)) {
        return;
      }
      if (countTags() <= 1) {
        daemon.end();
      }
      Files.deleteIfExists(mark);
    } catch (IOException e) {
      throw new DstackException(
          ErrorKind.BACKEND_UNAVAILABLE, "the machine's mark in " + tags + ": " + e, e);
    }
  }

  @Override
  public VolumeInfo ensureVolume(VolumeOrder order) {
    if (!order.region().equals(NAME)) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "region: volumes of this machine are in `local`");
    }
    return volumes.ensure(order);
  }

  @Override
  public void deleteVolume(VolumeOrder order) {
    volumes.delete(order);
  }

  @Override
  public VolumeAttachment attachVolume(VolumeRef volume, InstanceTag machine) {
    return volumes.attach(volume);
  }

  @Override
  public void detachVolume(VolumeRef volume, InstanceTag machine, boolean force) {
    // Nothing holds it: the agent has unmounted what it had mounted when the task ended.
  }

  private Machine machine(InstanceTag tag) {
    return new Machine(tag, NAME + "-" + hostname(), offer(), hostname(), daemon.ensure());
  }

  private Offer offer() {
    return new Offer(
        BackendType.LOCAL,
        NAME,
        NAME,
        config.over(resources()),
        0,
        Availability.AVAILABLE,
        known());
  }

  /** As long as no agent runs nobody has looked for an engine. */
  private Map<String, String> known() {
    Map<String, String> known = new HashMap<>();
    daemon
        .info()
        .ifPresent(
            info -> {
              if (!info.containers()) {
                known.put(
                    Offer.NO_CONTAINERS,
                    info.containersMissing() == null
                        ? "its host agent runs no containers"
                        : info.containersMissing());
              }
              if (info.gpuDriver() != null) {
                known.put(Offer.GPU_DRIVER, info.gpuDriver());
              }
            });
    return known;
  }

  /** Looked up again now and then: the space on the disk changes. */
  private synchronized Resources resources() {
    Resources known = detected;
    Instant now = context.clock().instant();
    if (known == null || now.isAfter(detectedAt.plus(DETECTED_FOR))) {
      try {
        known = HostResources.detect(context.serverDir());
      } catch (IOException e) {
        throw new DstackException(
            ErrorKind.BACKEND_UNAVAILABLE, "this machine's resources can't be read: " + e, e);
      }
      detected = known;
      detectedAt = now;
    }
    return known;
  }

  private int countTags() throws IOException {
    int count = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(tags)) {
      for (Path ignored : files) {
        count++;
      }
    } catch (NoSuchFileException e) {
      return 0;
    }
    return count;
  }

  private static String hostname() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }
}
