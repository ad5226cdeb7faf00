package dev.dstack.activities.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.activities.Fixture;
import dev.dstack.activities.backend.BackendRegistry;
import dev.dstack.activities.sweep.SweepActivitiesImpl.Owners;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.aws.AwsBackend;
import dev.dstack.backends.aws.AwsBackendFactory;
import dev.dstack.backends.testkit.Moto;
import dev.dstack.db.records.BackendStore;
import dev.dstack.db.records.BackendStore.StoredBackend;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.sweep.Orphan;
import dev.dstack.workflows.sweep.SweepNews;
import dev.dstack.workflows.sweep.SweepTarget;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.InstanceStateName;
import software.amazon.awssdk.services.ec2.model.ResourceType;
import software.amazon.awssdk.services.ec2.model.Tag;
import software.amazon.awssdk.services.ec2.model.TagSpecification;

/** The sweep with EC2's own lists, tags and ends. */
@Timeout(600)
class SweepOfAwsTest {
  private static final String REGION = "us-east-1";
  private static final int AT_ONCE = 10;

  private final Set<InstanceId> owned = new HashSet<>();
  private final List<Orphan> told = new ArrayList<>();

  @Test
  void aHundredOrphansOfAHundredEndAndAHundredForeignMachinesStay() throws Exception {
    assumeTrue(Moto.program().isPresent(), "moto is not installed; ./test installs it");
    try (Fixture fixture = new Fixture();
        Moto moto = Moto.start();
        Ec2Client ec2 = client(moto.uri())) {
      Set<String> orphans = new HashSet<>();
      Set<String> others = new HashSet<>();
      for (int i = 0; i < 100 / AT_ONCE; i++) {
        orphans.addAll(plant(ec2, tags("test", id())));
        others.addAll(plant(ec2, tags("another", id())));
      }
      InstanceId ours = id();
      owned.add(ours);
      others.addAll(plant(ec2, tags("test", ours)));
      // Of people who know nothing of us, and of one who has copied half of our tags.
      others.addAll(plant(ec2, List.of()));
      others.addAll(plant(ec2, tags("test", id()).subList(0, 1)));
      assertThat(orphans).hasSize(100);
      assertThat(others).hasSize(130);
      SweepActivitiesImpl sweep = sweep(fixture, moto.uri());
      SweepTarget target = new SweepTarget(fixture.project, AwsBackend.TYPE, REGION);
      assertThat(sweep.sweepTargets()).containsExactly(target);

      List<Orphan> suspected = sweep.findOrphans(target);
      assertThat(suspected).hasSize(100);
      int passes = 0;
      SweepNews news;
      do {
        news = sweep.endOrphans(target, suspected);
        passes++;
      } while (news.left() > 0 && passes < 20);

      assertThat(passes).isEqualTo(100 / SweepActivitiesImpl.ENDED_AT_ONCE);
      assertThat(sweep.findOrphans(target)).isEmpty();
      assertThat(told).extracting(Orphan::providerId).containsExactlyInAnyOrderElementsOf(orphans);
      assertThat(running(ec2)).isEqualTo(others);
    }
  }

  private static Ec2Client client(URI endpoint) {
    return Ec2Client.builder()
        .endpointOverride(endpoint)
        .region(Region.of(REGION))
        .credentialsProvider(
            StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
        .build();
  }

  private static InstanceId id() {
    return new InstanceId(UUID.randomUUID());
  }

  private static List<Tag> tags(String deployment, InstanceId instance) {
    return List.of(
        tag("dstack:deployment", deployment),
        tag("dstack:instance", instance.toString()),
        tag("dstack:attempt", "0"));
  }

  private static Tag tag(String key, String value) {
    return Tag.builder().key(key).value(value).build();
  }

  private static List<String> plant(Ec2Client ec2, List<Tag> tags) {
    return ec2
        .runInstances(
            request -> {
              request.imageId("ami-12345678").minCount(AT_ONCE).maxCount(AT_ONCE);
              if (!tags.isEmpty()) {
                request.tagSpecifications(
                    TagSpecification.builder()
                        .resourceType(ResourceType.INSTANCE)
                        .tags(tags)
                        .build());
              }
            })
        .instances()
        .stream()
        .map(Instance::instanceId)
        .toList();
  }

  private static Set<String> running(Ec2Client ec2) {
    Set<String> running = new HashSet<>();
    ec2.describeInstancesPaginator().reservations().stream()
        .flatMap(reservation -> reservation.instances().stream())
        .filter(one -> one.state().name() == InstanceStateName.RUNNING)
        .forEach(one -> running.add(one.instanceId()));
    return running;
  }

  private SweepActivitiesImpl sweep(Fixture fixture, URI endpoint) {
    BackendStore store = new BackendStore(fixture.api, fixture.encryption);
    String entry =
        """
        {"type": "aws", "regions": ["us-east-1"],
         "creds": {"type": "access_key", "access_key": "test", "secret_key": "test"}}
        """;
    store.create(
        fixture.project,
        StoredBackend.of("aws", Json.lenient().readTree(entry), BackendStore.Source.API),
        fixture.clock.instant());
    TreeMap<BackendType, BackendFactory> factories =
        new TreeMap<>(Comparator.comparing(BackendType::name));
    System.setProperty("aws.endpointUrl", endpoint.toString());
    try {
      factories.put(AwsBackend.TYPE, new AwsBackendFactory());
    } finally {
      System.clearProperty("aws.endpointUrl");
    }
    return new SweepActivitiesImpl(
        new BackendRegistry(store, fixture.context(), factories),
        () -> List.of(Map.entry(fixture.project, AwsBackend.TYPE)),
        new Owners(owned::contains, _ -> true, _ -> false),
        (_, orphan) -> told.add(orphan),
        // None of them is young.
        () -> Instant.now().plus(Duration.ofHours(1)),
        false);
  }
}
