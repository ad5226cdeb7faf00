package dev.dstack.backends.aws;

import static dev.dstack.backends.aws.AwsErrors.translated;

import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.MachineSpec;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;

/** The instances that carry our tags, in all regions. Keeps nothing that can't be looked up. */
final class AwsMachines {
  private static final Set<InstanceStateName> LIVE =
      Set.of(
          InstanceStateName.PENDING,
          InstanceStateName.RUNNING,
          InstanceStateName.STOPPING,
          InstanceStateName.STOPPED);
  private static final String[] LIVE_STATES =
      LIVE.stream().map(InstanceStateName::toString).sorted().toArray(String[]::new);
  private static final int REMEMBERED = 10_000;

  private final AwsClients clients;
  private final AwsRegions regions;

  /** Saves asking every region, and finds what AWS does not list yet. */
  private final Map<InstanceTag, Place> places =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<InstanceTag, Place> eldest) {
          return size() > REMEMBERED;
        }
      };

  private record Place(String region, @Nullable String instanceId) {}

  record Located(String region, Instance instance) {}

  AwsMachines(AwsClients clients, AwsRegions regions) {
    this.clients = clients;
    this.regions = regions;
  }

  void remember(InstanceTag tag, String region, @Nullable String instanceId) {
    synchronized (places) {
      places.put(tag, new Place(region, instanceId));
    }
  }

  private @Nullable Place place(InstanceTag tag) {
    synchronized (places) {
      return places.get(tag);
    }
  }

  static boolean isLive(Instance instance) {
    return LIVE.contains(instance.state().name());
  }

  /** All with this tag, the oldest first, whatever has become of them. */
  List<Instance> all(Ec2Client ec2, String region, InstanceTag tag) {
    return described(
        ec2,
        region,
        List.of(
            AwsNetwork.filter("tag:" + AwsTags.INSTANCE, tag.instance().toString()),
            AwsNetwork.filter("tag:" + AwsTags.ATTEMPT, Integer.toString(tag.attempt())),
            AwsNetwork.filter("tag:" + AwsTags.DEPLOYMENT, tag.deployment())));
  }

  private static List<Instance> described(
      Ec2Client ec2, String region, Collection<Filter> filters) {
    return translated(
        "list the machines in " + region,
        () ->
            ec2
                .describeInstancesPaginator(request -> request.filters(filters))
                .reservations()
                .stream()
                .flatMap(reservation -> reservation.instances().stream())
                .sorted(
                    Comparator.comparing(Instance::launchTime).thenComparing(Instance::instanceId))
                .toList());
  }

  /** The machine that has this tag and has not ended. */
  Optional<Located> find(InstanceTag tag) {
    return everywhere(tag).stream().filter(located -> isLive(located.instance())).findFirst();
  }

  private List<Located> everywhere(InstanceTag tag) {
    Place place = place(tag);
    if (place != null) {
      List<Instance> there = all(clients.ec2(place.region()), place.region(), tag);
      if (there.isEmpty() && place.instanceId() != null) {
        there = byId(place.region(), place.instanceId());
      }
      return there.stream().map(one -> new Located(place.region(), one)).toList();
    }
    List<String> asked = regions.everywhere();
    Map<String, Answer> answers = Parallel.map(asked, region -> answer(region, tag));
    List<Located> found = new ArrayList<>();
    DstackException failure = null;
    for (Map.Entry<String, Answer> entry : answers.entrySet()) {
      entry
          .getValue()
          .instances()
          .forEach(instance -> found.add(new Located(entry.getKey(), instance)));
      failure = failure == null ? entry.getValue().failure() : failure;
    }
    // A machine is in one region: found is found, whatever the others say.
    if (found.isEmpty() && failure != null) {
      throw failure;
    }
    found.stream()
        .filter(located -> isLive(located.instance()))
        .findFirst()
        .ifPresent(located -> remember(tag, located.region(), located.instance().instanceId()));
    return found;
  }

  private record Answer(List<Instance> instances, @Nullable DstackException failure) {}

  private Answer answer(String region, InstanceTag tag) {
    try {
      return new Answer(all(clients.ec2(region), region, tag), null);
    } catch (DstackException e) {
      return new Answer(List.of(), e);
    }
  }

  /** What has been created a moment ago may not be listed by its tags yet. */
  private List<Instance> byId(String region, String id) {
    try {
      return clients
          .ec2(region)
          .describeInstances(request -> request.instanceIds(id))
          .reservations()
          .stream()
          .flatMap(reservation -> reservation.instances().stream())
          .toList();
    } catch (SdkException e) {
      if (AwsErrors.code(e).startsWith("InvalidInstanceID")) {
        return List.of();
      }
      throw AwsErrors.of("look up machine " + id + " in " + region, e);
    }
  }

  void terminate(InstanceTag tag) {
    Place place = place(tag);
    List<Located> found = everywhere(tag);
    Map<String, List<String>> ids = new LinkedHashMap<>();
    found.stream()
        .filter(located -> isLive(located.instance()))
        .forEach(
            located ->
                ids.computeIfAbsent(located.region(), _ -> new ArrayList<>())
                    .add(located.instance().instanceId()));
    if (found.isEmpty() && place != null && place.instanceId() != null) {
      // Made a moment ago and listed nowhere yet.
      ids.put(place.region(), List.of(place.instanceId()));
    }
    ids.forEach(this::terminate);
  }

  void terminate(String region, Collection<String> ids) {
    if (ids.isEmpty()) {
      return;
    }
    try {
      clients.ec2(region).terminateInstances(request -> request.instanceIds(ids));
    } catch (SdkException e) {
      if (!AwsErrors.code(e).startsWith("InvalidInstanceID")) {
        throw AwsErrors.of("end " + String.join(", ", ids) + " in " + region, e);
      }
      // One that is gone hides the others.
      if (ids.size() > 1) {
        ids.forEach(id -> terminate(region, List.of(id)));
      }
    }
  }

  void end(String region, String id) {
    if (byId(region, id).stream().anyMatch(AwsMachines::isLive)) {
      terminate(region, List.of(id));
    }
  }

  List<FoundMachine> owned(String deployment, String region) {
    List<FoundMachine> machines = new ArrayList<>();
    List<Instance> instances =
        described(
            clients.ec2(region),
            region,
            List.of(
                AwsNetwork.filter("tag:" + AwsTags.DEPLOYMENT, deployment),
                AwsNetwork.filter("instance-state-name", LIVE_STATES)));
    for (Instance instance : instances) {
      AwsTags.read(instance.tags())
          .filter(tag -> tag.deployment().equals(deployment))
          .ifPresent(
              tag ->
                  machines.add(
                      new FoundMachine(
                          tag,
                          region,
                          instance.instanceId(),
                          AwsTags.value(instance, AwsTags.NAME, instance.instanceId()),
                          instance.launchTime())));
    }
    return machines;
  }

  static DstackException ended(MachineSpec spec, Instance instance) {
    String why =
        instance.stateReason() == null || instance.stateReason().message() == null
            ? "AWS does not say why"
            : instance.stateReason().message();
    return new DstackException(
        ErrorKind.NO_CAPACITY,
        "AWS: machine "
            + instance.instanceId()
            + " of "
            + spec.instanceName()
            + " ended before it was ready: "
            + why);
  }
}
