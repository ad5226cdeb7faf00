package dev.dstack.api.volume;

import dev.dstack.api.error.ApiException;
import dev.dstack.db.views.VolumeReader;
import dev.dstack.db.views.VolumeRow;
import dev.dstack.db.views.VolumeViewRow;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.wire.configuration.VolumeMountPoint;
import dev.dstack.model.wire.run.JobSpec;
import dev.dstack.model.wire.volume.VolumeStatus;
import dev.dstack.workflows.volume.VolumePlan;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What the volumes of a job mean for where it can be. */
public final class JobVolumes {
  private final VolumeReader volumes;

  public JobVolumes(VolumeReader volumes) {
    this.volumes = volumes;
  }

  /** One entry for each mount, alternatives joined by commas. */
  public static List<String> names(JobSpec job) {
    return mounts(job).stream().map(mount -> String.join(",", mount.name().names())).toList();
  }

  private static List<VolumeMountPoint> mounts(JobSpec job) {
    return job.volumes() == null
        ? List.of()
        : job.volumes().stream()
            .filter(VolumeMountPoint.class::isInstance)
            .map(VolumeMountPoint.class::cast)
            .toList();
  }

  /** Where a volume is; the zone is known once it has been made. */
  private record Place(String backend, String region, @Nullable String zone) {}

  /**
   * The same requirements, where all of the job's volumes are.
   *
   * @throws ApiException when one is unknown or can't be used, or when they are never together
   */
  public Requirements narrow(Requirements wanted, JobSpec job, ProjectId project) {
    Requirements narrowed = wanted;
    Set<String> alone = new HashSet<>();
    for (VolumeMountPoint mount : mounts(job)) {
      List<String> names = mount.name().names();
      if (names.size() == 1 && !alone.add(names.getFirst())) {
        throw ApiException.badRequest(
            "`volumes`: " + names.getFirst() + " is mounted twice; once is enough");
      }
      narrowed = narrow(narrowed, places(names, project), mount);
    }
    return narrowed;
  }

  private List<Place> places(List<String> names, ProjectId project) {
    List<Place> places = new ArrayList<>();
    for (String name : names) {
      VolumeRow volume =
          volumes
              .get(project, name)
              .orElseThrow(
                  () ->
                      ApiException.missing(
                          "`volumes` names '"
                              + name
                              + "', and there is no such volume in this project; `dstack volume`"
                              + " lists those that there are"));
      VolumeViewRow view = volume.view();
      if (volume.deleteRequested() || (view != null && view.status() == VolumeStatus.FAILED)) {
        throw ApiException.badRequest(
            "`volumes` names '"
                + name
                + "', which "
                + (volume.deleteRequested()
                    ? "is being deleted"
                    : "has failed: " + (view == null ? "" : view.statusMessage())));
      }
      VolumePlan plan = Json.lenient().readValue(volume.planJson(), VolumePlan.class);
      String zone = view == null ? null : view.availabilityZone();
      places.add(
          new Place(
              plan.backend().name(), plan.region(), zone == null ? plan.availabilityZone() : zone));
    }
    return places;
  }

  private static Requirements narrow(
      Requirements wanted, List<Place> places, VolumeMountPoint mount) {
    List<Place> possible =
        places.stream()
            .filter(place -> allowed(wanted.backends(), place.backend()))
            .filter(place -> allowed(wanted.regions(), place.region()))
            .filter(place -> place.zone() == null || allowed(wanted.zones(), place.zone()))
            .toList();
    if (possible.isEmpty()) {
      throw ApiException.badRequest(
          "`volumes`: "
              + String.join(", ", mount.name().names())
              + " can't be where the run is to be, or where its other volumes are. Volumes are"
              + " attached in their own backend, region and zone only");
    }
    Set<String> backends = new TreeSet<>();
    Set<String> regions = new TreeSet<>();
    Set<String> zones = new TreeSet<>();
    boolean anyZone = false;
    for (Place place : possible) {
      backends.add(place.backend());
      regions.add(place.region());
      if (place.zone() == null) {
        anyZone = true;
      } else {
        zones.add(place.zone());
      }
    }
    return wanted.within(
        List.copyOf(backends), List.copyOf(regions), anyZone ? wanted.zones() : List.copyOf(zones));
  }

  private static boolean allowed(List<String> wanted, String one) {
    String name = one.toLowerCase(Locale.ROOT);
    return wanted.isEmpty()
        || wanted.stream().anyMatch(each -> each.toLowerCase(Locale.ROOT).equals(name));
  }
}
