package dev.dstack.backends.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.FoundMachine;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineOptions;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.WithSweep;
import dev.dstack.backends.testkit.BackendContract;
import dev.dstack.backends.testkit.Ec2Proxy;
import dev.dstack.backends.testkit.FaultContract;
import dev.dstack.backends.testkit.Moto;
import dev.dstack.backends.testkit.SweepContract;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ec2.Ec2Client;
import software.amazon.awssdk.services.ec2.model.Instance;
import software.amazon.awssdk.services.ec2.model.Subnet;
import software.amazon.awssdk.services.ec2.model.Tag;

@Timeout(300)
class AwsBackendTest extends BackendContract implements SweepContract, FaultContract {
  private static final String REGION = AwsWorld.REGION;
  private static final String OTHER = AwsWorld.OTHER;
  private static final String QUOTAS = "ServiceQuotasV20190624.ListServiceQuotas";
  private static final Map<String, Object> CREDS = AwsWorld.CREDS;

  private static AwsWorld world;
  private static Ec2Proxy proxy;
  private static AwsClients straight;

  @TempDir Path serverDir;
  private Map<String, Object> config = Map.of("creds", CREDS, "regions", List.of(REGION, OTHER));

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

  @Override
  public ComputeBackend backend() {
    return backend(InstantSource.system());
  }

  private ComputeBackend backend(InstantSource clock) {
    return world.backend(serverDir, clock, config);
  }

  @Override
  public ComputeBackend backendADayLater() {
    return backend(() -> Instant.now().plus(Duration.ofDays(1)));
  }

  @Override
  public void forgetTokens() {
    proxy.forgetTokens();
  }

  @Override
  public ComputeBackend backendOfAnotherWorker() {
    return backend();
  }

  private Offer offer(String type, boolean spot) {
    return backend().offers(anything()).stream()
        .filter(
            offer ->
                offer.instanceType().equals(type)
                    && offer.region().equals(REGION)
                    && offer.resources().spot() == spot)
        .findFirst()
        .orElseThrow();
  }

  private Instance ensured(MachineSpec spec) {
    Machine machine = backend().ensure(spec);
    return straight
        .ec2(REGION)
        .describeInstances(request -> request.instanceIds(machine.providerId()))
        .reservations()
        .getFirst()
        .instances()
        .getFirst();
  }

  private MachineSpec with(Offer offer, MachineOptions options) {
    return new MachineSpec(newTag(), "fleet-0", "main", offer, options);
  }

  // --- what the contract asks of the cloud ---------------------------------------------------

  @Override
  public Map<ErrorKind, Runnable> refusals() {
    Map<ErrorKind, Runnable> refusals = new LinkedHashMap<>();
    refusals.put(
        ErrorKind.NO_CAPACITY,
        () ->
            proxy.refuse(
                "RunInstances", 500, "InsufficientInstanceCapacity", "We have no such machine."));
    refusals.put(
        ErrorKind.QUOTA_EXCEEDED,
        () -> proxy.refuse("RunInstances", 400, "VcpuLimitExceeded", "That is too much."));
    refusals.put(
        ErrorKind.BACKEND_THROTTLED,
        () -> proxy.refuse("RunInstances", 503, "RequestLimitExceeded", "Too fast."));
    refusals.put(
        ErrorKind.BACKEND_DENIED,
        () -> proxy.refuse("RunInstances", 403, "UnauthorizedOperation", "You may not."));
    return refusals;
  }

  @Override
  public void loseAnswersOfCreation() {
    proxy.loseAnswers("RunInstances");
  }

  @Override
  public void hideMachines() {
    proxy.hideMachines();
  }

  @Override
  public void mend() {
    proxy.mend();
  }

  @Override
  public int machines(InstanceTag tag) {
    int live = 0;
    for (String region : List.of(REGION, OTHER)) {
      live +=
          (int)
              new AwsMachines(straight, null)
                  .all(straight.ec2(region), region, tag).stream()
                      .filter(AwsMachines::isLive)
                      .count();
    }
    return live;
  }

  // --- offers ----------------------------------------------------------------------------------

  @Test
  void itIsFoundByServiceLoader() {
    assertThat(ServiceLoader.load(BackendFactory.class))
        .extracting(BackendFactory::type)
        .contains(AwsBackend.TYPE);
  }

  @Test
  void onlyKnownFamiliesAreOfferedUnlessAsked() {
    assertThat(backend().offers(anything()))
        .extracting(Offer::instanceType)
        .contains("m7i.large", "p5.48xlarge")
        .doesNotContain("m6i.large");

    config =
        Map.of(
            "creds",
            CREDS,
            "regions",
            List.of(OTHER),
            "experimental_instance_types",
            List.of("m6i.large"));
    assertThat(backend().offers(anything())).extracting(Offer::instanceType).contains("m6i.large");
    assertThat(backend().offers(anything())).extracting(Offer::region).containsOnly(OTHER);
  }

  @Test
  void theDiskIsTheLeastThatIsAskedFor() {
    Requirements big = Requirements.atLeast(1, 0, 300_000);
    assertThat(backend().offers(big))
        .isNotEmpty()
        .allSatisfy(offer -> assertThat(offer.resources().diskMib()).isEqualTo(293 * 1024));
  }

  @Test
  void whatTheQuotaForbidsIsShownAsSuch() {
    proxy.answer(
        QUOTAS,
        200,
        "application/x-amz-json-1.1",
        """
        {"Quotas": [
          {"QuotaCode": "L-417A185B", "Value": 96.0},
          {"QuotaCode": "L-DB2E81BA", "Value": 8.0},
          {"QuotaCode": "L-1216C47A", "Value": 1.0}]}
        """);

    assertThat(offer("p5.48xlarge", false).availability()).isEqualTo(Availability.NO_QUOTA);
    assertThat(offer("m7i.large", false).availability()).isEqualTo(Availability.NO_QUOTA);
    assertThat(offer("g5.xlarge", false).availability()).isEqualTo(Availability.UNKNOWN);
    // Spot machines have a quota of their own, and of that one nothing is known.
    assertThat(offer("m7i.large", true).availability()).isEqualTo(Availability.UNKNOWN);
  }

  @Test
  void zonesAreLookedUpWhereTheyAreAskedFor() {
    Requirements inZone = Requirements.ANY.within(List.of(), List.of(), List.of("us-east-1b"));
    assertThat(backend().offers(inZone))
        .isNotEmpty()
        .allSatisfy(
            offer -> {
              assertThat(offer.region()).isEqualTo(REGION);
              assertThat(offer.zones()).containsExactly("us-east-1b");
            });
  }

  @Test
  void aReservationIsOfferedAndUsed() {
    proxy.answer("DescribeCapacityReservations", 200, "text/xml", reservation("capacity-block"));
    Requirements reserved =
        new Requirements(
            null,
            1,
            null,
            0,
            null,
            0,
            null,
            null,
            null,
            null,
            List.of(),
            List.of(REGION),
            List.of(),
            List.of(),
            "cr-0123456789abcdef0");

    List<Offer> offers = backend().offers(reserved);
    assertThat(offers)
        .singleElement()
        .satisfies(
            offer -> {
              assertThat(offer.instanceType()).isEqualTo("m7i.large");
              assertThat(offer.zones()).containsExactly("us-east-1b");
              assertThat(offer.availability()).isEqualTo(Availability.AVAILABLE);
            });

    MachineSpec spec = with(offers.getFirst(), MachineOptions.NONE);
    backend().ensure(spec);
    assertThat(sent(spec))
        .containsEntry(
            "CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId",
            "cr-0123456789abcdef0")
        .containsEntry("InstanceMarketOptions.MarketType", "capacity-block");
    backend().terminate(spec.tag());
  }

  private static String reservation(String type) {
    return """
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeCapacityReservationsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
          <requestId>canned</requestId>
          <capacityReservationSet><item>
            <capacityReservationId>cr-0123456789abcdef0</capacityReservationId>
            <instanceType>m7i.large</instanceType><availabilityZone>us-east-1b</availabilityZone>
            <state>active</state><availableInstanceCount>2</availableInstanceCount>
            <reservationType>%s</reservationType>
          </item></capacityReservationSet>
        </DescribeCapacityReservationsResponse>
        """
        .formatted(type);
  }

  // --- machines --------------------------------------------------------------------------------

  @Test
  void everyTagIsOnTheMachineFromItsFirstMoment() {
    Map<String, Object> tagged = new HashMap<>(config);
    tagged.put("tags", Map.of("team", "research", "Name", "of-the-backend"));
    config = tagged;
    MachineSpec spec =
        with(
            offer("m7i.large", false),
            MachineOptions.NONE.withTags(
                Map.of(
                    MachineOptions.TAG_FLEET,
                    "f1",
                    MachineOptions.TAG_USER,
                    "ada",
                    "team",
                    "vision",
                    "stage",
                    "test")));

    Instance instance = ensured(spec);

    Map<String, String> tags = new HashMap<>();
    instance.tags().forEach((Tag tag) -> tags.put(tag.key(), tag.value()));
    assertThat(tags)
        .containsEntry(AwsTags.DEPLOYMENT, "test")
        .containsEntry(AwsTags.INSTANCE, spec.tag().instance().toString())
        .containsEntry(AwsTags.ATTEMPT, "0")
        .containsEntry("owner", "dstack")
        .containsEntry("dstack_project", "main")
        .containsEntry("dstack_name", "fleet-0")
        .containsEntry("Name", "fleet-0")
        .containsEntry("dstack_fleet", "f1")
        .containsEntry("dstack_user", "ada")
        .containsEntry("team", "research")
        .containsEntry("stage", "test");
    assertThat(proxy.calls("CreateTags")).isEmpty();
    assertThat(sent(spec).get("ClientToken")).startsWith(spec.tag().token()).hasSizeLessThan(65);
    backend().terminate(spec.tag());
  }

  /** Another process must send the same call with the same token, or EC2 refuses it. */
  @Test
  void theTagsComeInOneOrder() {
    Map<String, String> many = new HashMap<>();
    for (int i = 0; i < 9; i++) {
      many.put("tag-" + (i * 7 % 9), "x");
    }
    MachineSpec spec = with(offer("t3.small", false), MachineOptions.NONE.withTags(many));
    backend().ensure(spec);

    List<String> keys = new ArrayList<>();
    for (int i = 1; i < 40; i++) {
      String key = sent(spec).get("TagSpecification.1.Tag." + i + ".Key");
      if (key != null && key.startsWith("tag-")) {
        keys.add(key);
      }
    }
    assertThat(keys).hasSize(9).isSorted();
    backend().terminate(spec.tag());
  }

  /** The parameters of the call that made this machine. */
  private static Map<String, String> sent(MachineSpec spec) {
    return proxy.calls("RunInstances").stream()
        .map(Ec2Proxy.Call::parameters)
        .filter(
            parameters -> parameters.getOrDefault("ClientToken", "").startsWith(spec.tag().token()))
        .toList()
        .getLast();
  }

  @Test
  void itsAddressIsThereWhenItRunsAndTheKeysAreInItsUserData() {
    MachineSpec spec =
        with(
            offer("t3.small", false),
            MachineOptions.NONE.withAuthorizedKeys(List.of("ssh-ed25519 AAAA one@dstack")));
    backend().ensure(spec);

    Machine machine = backend().find(spec.tag()).orElseThrow();

    assertThat(machine.ssh()).isNotNull();
    assertThat(machine.ssh().user()).isEqualTo("ubuntu");
    assertThat(machine.ssh().port()).isEqualTo(22);
    assertThat(machine.ssh().hostname()).isEqualTo(machine.hostname()).isNotEmpty();
    assertThat(machine.ssh().internalIp()).startsWith("172.31.");
    assertThat(machine.agent()).isNull();
    assertThat(machine.offer().resources()).isEqualTo(spec.offer().resources());
    assertThat(machine.offer().price()).isEqualTo(0.0208);
    String script = decoded(sent(spec).get("UserData"));
    assertThat(script).startsWith("#!/bin/sh\n").contains("user=ubuntu");
    assertThat(script)
        .contains(
            Base64.getEncoder()
                .encodeToString("ssh-ed25519 AAAA one@dstack\n".getBytes(StandardCharsets.UTF_8)));
    backend().terminate(spec.tag());
  }

  private static String decoded(String base64) {
    return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
  }

  @Test
  void aSpotMachineIsAskedForAsSuch() {
    MachineSpec spec = with(offer("m7i.large", true), MachineOptions.NONE);
    backend().ensure(spec);

    assertThat(sent(spec))
        .containsEntry("InstanceMarketOptions.MarketType", "spot")
        .containsEntry(
            "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate");
    assertThat(backend().find(spec.tag()).orElseThrow().offer().resources().spot()).isTrue();
    backend().terminate(spec.tag());
  }

  @Test
  void profileImageAndPrivateSubnetAreWhatTheConfigurationSays() {
    Ec2Client ec2 = straight.ec2(REGION);
    String vpc = ec2.createVpc(request -> request.cidrBlock("10.7.0.0/16")).vpc().vpcId();
    ec2.createTags(request -> request.resources(vpc).tags(AwsNetwork.tag("Name", "quiet")));
    Subnet subnet =
        ec2.createSubnet(
                request ->
                    request.vpcId(vpc).cidrBlock("10.7.1.0/24").availabilityZone("us-east-1c"))
            .subnet();
    String image =
        ec2.describeImages(
                request ->
                    request
                        .owners("amazon")
                        .filters(
                            AwsNetwork.filter("name", "al2023-*"),
                            AwsNetwork.filter("architecture", "x86_64")))
            .images()
            .getFirst()
            .name();
    config =
        Map.of(
            "creds",
            CREDS,
            "regions",
            List.of(REGION),
            "vpc_name",
            "quiet",
            "public_ips",
            false,
            "iam_instance_profile",
            "jobs",
            "os_images",
            Map.of("cpu", Map.of("name", image, "owner", "amazon", "user", "admin")));
    MachineSpec spec = with(offer("m7i.large", false), MachineOptions.NONE);
    // Without a way out nothing on it could pull an image.
    assertThatThrownBy(() -> backend().ensure(spec))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.BACKEND_DENIED))
        .hasMessageContaining("NAT gateway")
        .hasMessageContaining(vpc);

    String address = ec2.allocateAddress().allocationId();
    String nat =
        ec2.createNatGateway(request -> request.subnetId(subnet.subnetId()).allocationId(address))
            .natGateway()
            .natGatewayId();
    String table =
        ec2.describeRouteTables(request -> request.filters(AwsNetwork.filter("vpc-id", vpc)))
            .routeTables()
            .getFirst()
            .routeTableId();
    ec2.createRoute(
        request -> request.routeTableId(table).natGatewayId(nat).destinationCidrBlock("0.0.0.0/0"));
    // moto has no such profile, and need not.
    proxy.answer("DescribeIamInstanceProfileAssociations", 200, "text/xml", "<r/>");
    ComputeBackend backend = backend();
    try {
      backend.ensure(spec);
    } catch (DstackException e) {
      assertThat(e).hasMessageContaining("jobs");
    }

    assertThat(sent(spec))
        .containsEntry("IamInstanceProfile.Name", "jobs")
        .containsEntry("NetworkInterface.1.SubnetId", subnet.subnetId())
        .containsEntry("NetworkInterface.1.AssociatePublicIpAddress", "false");
    assertThat(decoded(sent(spec).get("UserData"))).contains("user=admin");
    backend.terminate(spec.tag());
  }

  @Test
  void zonesAreTriedOneAfterTheOtherUnderTheirOwnTokens() {
    MachineSpec spec = with(offer("m7i.large", false), MachineOptions.NONE);
    proxy.refuse("RunInstances", 500, "InsufficientInstanceCapacity", "No.");
    assertThatThrownBy(() -> backend().ensure(spec))
        .hasMessageContaining("no zone of us-east-1 has m7i.large now")
        .hasMessageContaining("us-east-1f");
    List<String> tokens =
        proxy.calls("RunInstances").stream()
            .map(call -> call.parameters().getOrDefault("ClientToken", ""))
            .filter(token -> token.startsWith(spec.tag().token()))
            .distinct()
            .toList();
    assertThat(tokens).hasSize(6);
  }

  @Test
  void inAPlacementGroupTheFastNetworkIsUsed() {
    proxy.answer(
        "DescribeInstanceTypes",
        200,
        "text/xml",
        """
        <?xml version="1.0" encoding="UTF-8"?>
        <DescribeInstanceTypesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
          <requestId>canned</requestId><instanceTypeSet><item>
          <instanceType>p5.48xlarge</instanceType><networkInfo>
          <maximumNetworkCards>32</maximumNetworkCards><efaSupported>true</efaSupported>
          <efaInfo><maximumEfaInterfaces>32</maximumEfaInterfaces></efaInfo>
          </networkInfo></item></instanceTypeSet></DescribeInstanceTypesResponse>
        """);
    Offer offer = offer("m7i.large", false);
    MachineOptions grouped =
        new MachineOptions(List.of(), Map.of(), null, "pg-1", List.of(), List.of(), null);
    MachineSpec spec = with(offer, grouped);
    try {
      backend().ensure(spec);
    } catch (DstackException e) {
      // moto may know neither the group nor the interface; what was asked for counts here.
      assertThat(e.kind()).isEqualTo(ErrorKind.BACKEND_DENIED);
    }

    assertThat(sent(spec))
        .containsEntry("Placement.GroupName", "pg-1")
        .containsEntry("NetworkInterface.1.InterfaceType", "efa")
        .containsEntry("NetworkInterface.1.AssociatePublicIpAddress", "true")
        .doesNotContainKey("NetworkInterface.2.InterfaceType");
    backend().terminate(spec.tag());
  }

  @Test
  void aMachineThatAwsEndedIsGoneAndIsNotMadeAgain() {
    MachineSpec spec = with(offer("t3.small", false), MachineOptions.NONE);
    Instance instance = ensured(spec);
    straight.ec2(REGION).terminateInstances(request -> request.instanceIds(instance.instanceId()));

    assertThat(backend().find(spec.tag())).isEmpty();
    assertThatThrownBy(() -> backend().ensure(spec))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.NO_CAPACITY))
        .hasMessageContaining("ended before it was ready");
    assertThat(machines(spec.tag())).isZero();
  }

  @Test
  void theSecurityGroupIsMadeOnceAndOpenInItself() {
    backend().ensure(with(offer("t3.small", false), MachineOptions.NONE));
    backend().ensure(with(offer("t3.small", false), MachineOptions.NONE));

    assertThat(
            straight
                .ec2(REGION)
                .describeSecurityGroups(
                    request ->
                        request.filters(
                            AwsNetwork.filter("group-name", "dstack_security_group_main")))
                .securityGroups()
                .stream()
                .filter(group -> group.vpcId().equals(AwsWorld.defaultVpc(straight.ec2(REGION)))))
        .singleElement()
        .satisfies(
            group -> {
              assertThat(group.ipPermissions()).hasSize(2);
              assertThat(group.ipPermissionsEgress())
                  .anySatisfy(rule -> assertThat(rule.userIdGroupPairs()).isNotEmpty());
            });
  }

  @Test
  void aRegionThatDoesNotAnswerHidesNoMachineOfAnother() {
    MachineSpec spec = with(offer("t3.small", false), MachineOptions.NONE);
    backend().ensure(spec);
    // Another worker, which knows no region of this machine.
    assertThat(backendOfAnotherWorker().find(spec.tag())).isPresent();
    proxy.refuse("DescribeInstances", 403, "AuthFailure", "Credentials were revoked.");
    assertThatThrownBy(() -> backendOfAnotherWorker().terminate(spec.tag()))
        .isInstanceOfSatisfying(
            DstackException.class, e -> assertThat(e.kind()).isEqualTo(ErrorKind.BACKEND_DENIED));
    proxy.mend();
    backendOfAnotherWorker().terminate(spec.tag());
    assertThat(machines(spec.tag())).isZero();
  }

  @Test
  void foreignMachinesAreNeverListed() {
    Ec2Client ec2 = straight.ec2(REGION);
    ec2.runInstances(
        request ->
            request
                .imageId(
                    ec2.describeImages(all -> all.owners("amazon")).images().getFirst().imageId())
                .minCount(3)
                .maxCount(3));
    assertThat(((WithSweep) backend()).machines("test", REGION))
        .extracting(FoundMachine::tag)
        .extracting(InstanceTag::deployment)
        .allMatch("test"::equals);
  }

  /** As AWS's own programs find them; here by the properties of the process. */
  @Test
  void withoutCredentialsOfItsOwnItTakesThoseOfItsSurroundings() {
    config = Map.of("creds", Map.of("type", "default"), "regions", List.of(REGION));
    System.setProperty("aws.accessKeyId", "surrounding");
    System.setProperty("aws.secretAccessKey", "secret");
    try {
      assertThat(backend().offers(anything())).isNotEmpty();
      assertThat(backend().find(newTag())).isEmpty();
      assertThat(proxy.calls("DescribeInstances").getLast().authorization())
          .contains("Credential=surrounding/");
    } finally {
      System.clearProperty("aws.accessKeyId");
      System.clearProperty("aws.secretAccessKey");
    }
  }

  @Test
  void whatIsWrongInTheConfigurationIsNamed() {
    Map<String, Map<String, Object>> wrong = new LinkedHashMap<>();
    wrong.put("region", Map.of("region", "us-east-1"));
    wrong.put("regions", Map.of("regions", List.of("mars")));
    wrong.put("vpc_ids.us-east-1", Map.of("vpc_ids", Map.of("us-east-1", "x")));
    wrong.put("creds.type", Map.of("creds", Map.of("type", "magic")));
    wrong.put("creds.secret_key", Map.of("creds", Map.of("type", "access_key", "access_key", "a")));
    wrong.put("os_images.cpu.user", Map.of("os_images", Map.of("cpu", Map.of("name", "a"))));
    wrong.put("public_ips", Map.of("public_ips", "maybe"));
    wrong.put("tags.aws:x", Map.of("tags", Map.of("aws:x", "1")));
    wrong.forEach(
        (field, config) ->
            assertThatThrownBy(() -> AwsConfig.parse(config))
                .isInstanceOfSatisfying(
                    DstackException.class,
                    e -> assertThat(e.kind()).isEqualTo(ErrorKind.INVALID_SPEC))
                .hasMessageContaining("aws: " + field));
    assertThat(AwsConfig.parse(Map.of("creds", CREDS)).toString())
        .doesNotContain("secret_key=test");
    assertThat(Arrays.asList(AwsConfig.parse(Map.of()).credentials()))
        .containsExactly(new AwsConfig.DefaultChain());
  }
}
