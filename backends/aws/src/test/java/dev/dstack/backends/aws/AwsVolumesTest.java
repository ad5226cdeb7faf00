package dev.dstack.backends.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundVolume;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.MachineOptions;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.VolumeInfo;
import dev.dstack.backends.VolumeOrder;
import dev.dstack.backends.VolumeRef;
import dev.dstack.backends.testkit.Ec2Proxy;
import dev.dstack.backends.testkit.Moto;
import dev.dstack.backends.testkit.VolumeContract;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.model.Volume;

@Timeout(300)
class AwsVolumesTest implements VolumeContract {
  private static final String REGION = AwsWorld.REGION;

  private static AwsWorld world;
  private static Ec2Proxy proxy;
  private static AwsClients straight;

  @TempDir Path serverDir;

  @BeforeAll
  static void start() throws Exception {
    assumeTrue(Moto.program().isPresent(), "moto is not installed; ./test installs it");
    world = AwsWorld.start();
    proxy = world.proxy();
    straight = world.straight();
  }

  @AfterAll
  static void stop() {
    if (world != null) {
      world.close();
    }
  }

  @AfterEach
  void mendEverything() {
    proxy.mend();
  }

  private AwsBackend aws() {
    return aws(Map.of());
  }

  private AwsBackend aws(Map<String, String> tags) {
    return (AwsBackend)
        world.backend(
            serverDir,
            InstantSource.system(),
            Map.of("creds", AwsWorld.CREDS, "regions", List.of(REGION), "tags", tags));
  }

  @Override
  public ComputeBackend backend() {
    return aws();
  }

  @Override
  public ComputeBackend backendOfAnotherWorker() {
    return aws();
  }

  @Override
  public MachineSpec spec(InstanceTag tag) {
    return new MachineSpec(tag, "fleet-0", "main", offer());
  }

  private Offer offer() {
    return aws().offers(Requirements.atLeast(1, 0, 0)).getFirst();
  }

  private MachineSpec with(MachineOptions options) {
    InstanceTag tag = new InstanceTag("test", new InstanceId(UUID.randomUUID()), 0);
    return new MachineSpec(tag, "fleet-0", "main", offer(), options);
  }

  private static MachineOptions with(VolumeRef volume, String... zones) {
    return new MachineOptions(
        List.of(), Map.of(), null, null, List.of(zones), List.of(volume), null);
  }

  private static VolumeOrder volume(String deployment, Map<String, String> tags) {
    return new VolumeOrder(
        deployment, new VolumeId(UUID.randomUUID()), "main", "data", REGION, null, 5, null, tags);
  }

  private static List<Volume> made(VolumeOrder order) {
    return straight
        .ec2(REGION)
        .describeVolumes(
            request ->
                request.filters(AwsNetwork.filter("tag:" + AwsTags.VOLUME, order.id().toString())))
        .volumes();
  }

  /** Its tags find it again; before AWS lists it, its token does. */
  @Test
  void aLostAnswerIsNoSecondVolume() {
    for (boolean hidden : List.of(false, true)) {
      VolumeOrder order = volume("test", Map.of());
      proxy.loseAnswers("CreateVolume");
      assertThatThrownBy(() -> aws().ensureVolume(order))
          .isInstanceOfSatisfying(
              DstackException.class, e -> assertThat(e.kind().retryable()).isTrue());
      proxy.mend();
      assertThat(made(order)).as("the effect without the answer").hasSize(1);
      if (hidden) {
        proxy.hideVolumes();
        assertThatThrownBy(() -> aws().ensureVolume(order))
            .isInstanceOfSatisfying(
                DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.NOT_READY));
        proxy.mend();
      }

      VolumeInfo found = aws().ensureVolume(order);

      assertThat(made(order)).extracting(Volume::volumeId).containsExactly(found.volumeId());
      aws().deleteVolume(order);
    }
  }

  @Test
  void whatTheProviderRefusesHasItsKindAndLeavesNothing() {
    VolumeOrder order = volume("test", Map.of());
    Map<String, ErrorKind> codes =
        Map.of(
            "VolumeLimitExceeded", ErrorKind.QUOTA_EXCEEDED,
            "UnauthorizedOperation", ErrorKind.BACKEND_DENIED,
            "RequestLimitExceeded", ErrorKind.BACKEND_THROTTLED);
    codes.forEach(
        (code, kind) -> {
          proxy.refuse("CreateVolume", 400, code, "Not now.");
          assertThatThrownBy(() -> aws().ensureVolume(order))
              .isInstanceOfSatisfying(
                  DstackException.class, e -> assertThat(e.kind()).isEqualTo(kind))
              .hasMessageContaining("create volume data in us-east-1");
          assertThat(made(order)).isEmpty();
        });
    proxy.mend();
    assertThat(aws().ensureVolume(order).sizeGb()).isEqualTo(5);
    // Credentials that were revoked meanwhile: it is told, and done when there are new ones.
    proxy.refuse("DeleteVolume", 403, "AuthFailure", "Credentials were revoked.");
    assertThatThrownBy(() -> aws().deleteVolume(order))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.BACKEND_DENIED));
    proxy.mend();
    aws().deleteVolume(order);
    assertThat(made(order)).isEmpty();
  }

  @Test
  void theBackendsTagsComeBeforeThoseOfTheVolume() {
    VolumeOrder order = volume("test", Map.of("team", "vision", "stage", "x".repeat(300)));
    AwsBackend aws = aws(Map.of("team", "research"));
    aws.ensureVolume(order);
    assertThat(made(order).getFirst().tags())
        .contains(
            AwsNetwork.tag("team", "research"),
            AwsNetwork.tag("stage", "x".repeat(256)),
            AwsNetwork.tag("Name", "data"),
            AwsNetwork.tag(AwsTags.VOLUME, order.id().toString()));
    aws.deleteVolume(order);
  }

  @Test
  void aMachineComesWhereItsVolumesAreOrNotAtAll() {
    VolumeRef data = new VolumeRef("data", "vol-1", REGION, "us-east-1d");
    MachineSpec spec = with(with(data));
    assertThat(aws().ensure(spec).offer().zones()).containsExactly("us-east-1d");
    aws().terminate(spec.tag());

    assertThatThrownBy(() -> aws().ensure(with(with(data, "us-east-1a"))))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.NO_CAPACITY));
  }

  @Test
  void oneMachineHasItAndWhatIsRegisteredIsNeverDeleted() {
    AwsBackend aws = aws();
    VolumeOrder order =
        new VolumeOrder(
            "test",
            new VolumeId(UUID.randomUUID()),
            "main",
            "data",
            REGION,
            null,
            5,
            null,
            Map.of("team", "ml"));
    VolumeInfo made = aws.ensureVolume(order);
    assertThat(aws().ensureVolume(order)).isEqualTo(made);
    assertThat(made.shared()).isFalse();
    var shown =
        straight
            .ec2(REGION)
            .describeVolumes(request -> request.volumeIds(made.volumeId()))
            .volumes()
            .getFirst();
    assertThat(shown.tags())
        .contains(AwsNetwork.tag("team", "ml"), AwsNetwork.tag("dstack:volume", "" + order.id()));
    VolumeRef ref = new VolumeRef("data", made.volumeId(), REGION, made.availabilityZone());
    MachineSpec spec = with(with(ref));
    aws.ensure(spec);
    String device = attached(aws, ref, spec.tag());
    assertThat(device).startsWith("/dev/sd");
    assertThat(aws.attachVolume(ref, spec.tag()).device()).isEqualTo(device);
    MachineSpec other = with(with(ref));
    aws.ensure(other);
    assertThatThrownBy(() -> aws.attachVolume(ref, other.tag()))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.INVALID_SPEC));
    // Nothing of the other machine's is detached.
    aws.detachVolume(ref, other.tag(), false);
    assertThat(aws.attachVolume(ref, spec.tag()).device()).isEqualTo(device);
    aws.detachVolume(ref, spec.tag(), true);
    aws.detachVolume(ref, spec.tag(), true);
    VolumeOrder existing =
        new VolumeOrder(
            "test",
            new VolumeId(UUID.randomUUID()),
            "main",
            "mine",
            REGION,
            null,
            null,
            made.volumeId(),
            Map.of());
    assertThat(aws.ensureVolume(existing).sizeGb()).isEqualTo(5);
    aws.deleteVolume(existing);
    assertThat(aws.ensureVolume(existing).volumeId()).isEqualTo(made.volumeId());
    aws.deleteVolume(order);
    aws.deleteVolume(order);
    assertThatThrownBy(() -> aws.ensureVolume(existing))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.NOT_FOUND));
    aws.terminate(spec.tag());
    aws.terminate(other.tag());
  }

  @Test
  void volumesAreListedForTheSweepUntilTheyAreDeletedAndAMachinesDiskIsNot() {
    AwsBackend aws = aws();
    VolumeOrder ours = volume("test", Map.of());
    VolumeOrder foreign = volume("another", Map.of());
    String id = aws.ensureVolume(ours).volumeId();
    aws.ensureVolume(foreign);
    MachineSpec spec = with(MachineOptions.NONE);
    backend().ensure(spec);

    assertThat(aws.volumes("test", REGION))
        .filteredOn(found -> found.volume().equals(ours.id()))
        .singleElement()
        .satisfies(
            found -> {
              assertThat(found.providerId()).isEqualTo(id);
              assertThat(found.name()).isEqualTo("data");
              assertThat(found.createdAt()).isNotNull();
            });
    assertThat(aws.volumes("test", REGION))
        .extracting(FoundVolume::volume)
        .doesNotContain(foreign.id());

    VolumeRef ref = new VolumeRef("data", id, REGION, zone(id));
    MachineSpec user = with(with(ref));
    backend().ensure(user);
    attached(aws, ref, user.tag());
    assertThatThrownBy(() -> aws.endVolume(REGION, id))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.NOT_READY));
    aws.detachVolume(ref, user.tag(), true);
    aws.endVolume(REGION, id);
    aws.endVolume(REGION, id);
    assertThat(aws.volumes("test", REGION))
        .extracting(FoundVolume::volume)
        .doesNotContain(ours.id());
    assertThat(aws.volumes("another", REGION))
        .extracting(FoundVolume::volume)
        .contains(foreign.id());
    aws.deleteVolume(foreign);
    aws.terminate(spec.tag());
    aws.terminate(user.tag());
  }

  private static String zone(String volumeId) {
    return straight
        .ec2(REGION)
        .describeVolumes(request -> request.volumeIds(volumeId))
        .volumes()
        .getFirst()
        .availabilityZone();
  }

  /** Asks as an activity does: until it is no longer under way. */
  private static String attached(AwsBackend aws, VolumeRef ref, InstanceTag tag) {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (true) {
      try {
        return aws.attachVolume(ref, tag).device();
      } catch (DstackException e) {
        if (e.kind() != ErrorKind.NOT_READY || System.nanoTime() > deadline) {
          throw e;
        }
        LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
      }
    }
  }
}
