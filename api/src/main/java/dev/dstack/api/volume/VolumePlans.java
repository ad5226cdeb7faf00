package dev.dstack.api.volume;

import dev.dstack.api.error.ApiException;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.wire.configuration.AwsVolumeConfiguration;
import dev.dstack.model.wire.configuration.DaytonaVolumeConfiguration;
import dev.dstack.model.wire.configuration.GcpVolumeConfiguration;
import dev.dstack.model.wire.configuration.IdleDuration;
import dev.dstack.model.wire.configuration.KubernetesVolumeConfiguration;
import dev.dstack.model.wire.configuration.LiumVolumeConfiguration;
import dev.dstack.model.wire.configuration.RunpodVolumeConfiguration;
import dev.dstack.model.wire.configuration.VolumeConfiguration;
import dev.dstack.model.wire.resources.Memory;
import dev.dstack.workflows.volume.VolumePlan;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a volume's configuration means to its workflow. */
final class VolumePlans {
  /** The region of the server's own machine, whatever backend a file names with it. */
  static final String LOCAL_REGION = "local";

  private VolumePlans() {}

  /** The fields that the kinds of volumes share, as far as they have them. */
  record Fields(
      String backend,
      String region,
      @Nullable String zone,
      @Nullable Memory size,
      @Nullable String existing) {}

  static Fields fields(VolumeConfiguration volume) {
    return switch (volume) {
      case AwsVolumeConfiguration aws ->
          new Fields("aws", aws.region(), aws.availabilityZone(), aws.size(), aws.volumeId());
      case GcpVolumeConfiguration gcp ->
          new Fields("gcp", gcp.region(), gcp.availabilityZone(), gcp.size(), gcp.volumeId());
      case RunpodVolumeConfiguration runpod ->
          new Fields("runpod", runpod.region(), null, runpod.size(), runpod.volumeId());
      case KubernetesVolumeConfiguration kubernetes ->
          new Fields(
              "kubernetes", kubernetes.region(), null, kubernetes.size(), kubernetes.claimName());
      case DaytonaVolumeConfiguration daytona ->
          new Fields("daytona", "", null, null, daytona.volumeId());
      case LiumVolumeConfiguration lium -> new Fields("lium", "", null, null, lium.volumeId());
    };
  }

  /**
   * @param backends the types that the project has
   * @throws ApiException naming the field
   */
  static VolumePlan of(VolumeConfiguration volume, Set<String> backends) {
    Fields fields = fields(volume);
    BackendType backend = backend(fields, backends);
    if (fields.size() == null && fields.existing() == null && !backend.equals(BackendType.LOCAL)) {
      throw ApiException.badRequest(
          "Give `size` for a new volume, or `volume_id` to register an existing one");
    }
    if (backend.equals(BackendType.LOCAL) && fields.zone() != null) {
      throw ApiException.badRequest(
          "`availability_zone`: the server's own machine has none; take it out");
    }
    Duration autoCleanup = autoCleanup(volume.autoCleanupDuration());
    if (autoCleanup != null && fields.existing() != null) {
      throw ApiException.badRequest(
          "`auto_cleanup_duration` is for volumes that are made here, not for one that is"
              + " registered: take it out");
    }
    Memory size = fields.size();
    return new VolumePlan(
        backend,
        backend.equals(BackendType.LOCAL) ? LOCAL_REGION : fields.region(),
        fields.zone(),
        size == null ? null : Math.max(1, (int) Math.ceil(size.gigabytes())),
        fields.existing(),
        autoCleanup,
        volume.tags() == null ? Map.of() : volume.tags());
  }

  /** Clients know clouds only: the local backend is meant by its region. */
  private static BackendType backend(Fields fields, Set<String> backends) {
    if (fields.region().equalsIgnoreCase(LOCAL_REGION)) {
      if (backends.contains(BackendType.LOCAL.name())) {
        return BackendType.LOCAL;
      }
      throw ApiException.badRequest(
          "`region: local` means the server's own machine, and this project has no backend"
              + " `local`; add it, or name a cloud's region");
    }
    if (backends.contains(fields.backend())) {
      return new BackendType(fields.backend());
    }
    if (backends.contains(BackendType.SCRIPTED.name())) {
      return BackendType.SCRIPTED;
    }
    throw ApiException.badRequest(
        "This project has no backend `"
            + fields.backend()
            + "`. It has: "
            + (backends.isEmpty() ? "none" : String.join(", ", backends.stream().sorted().toList()))
            + (backends.contains(BackendType.LOCAL.name())
                ? ". `region: local` makes a volume on the server's own machine"
                : ""));
  }

  private static @Nullable Duration autoCleanup(@Nullable IdleDuration wanted) {
    return wanted == null || wanted.isNever() ? null : Duration.ofSeconds(wanted.seconds());
  }
}
