package dev.dstack.e2e.harness;

import dev.dstack.backends.testkit.Ec2Proxy;
import dev.dstack.backends.testkit.Moto;
import dev.dstack.e2e.harness.SshHosts.Host;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/**
 * An EC2 whose machines are there. moto keeps the books; every machine that it runs is booted as a
 * host of {@link SshHosts} from the user data that moto was given for it, and powered off when moto
 * ends it; a volume that moto attaches appears there. The proxy before moto tells the hosts'
 * addresses instead of moto's.
 */
public final class MotoCloud implements AutoCloseable {
  public static final String REGION = "us-east-1";
  private static final long LOOK_MILLIS = 300;
  private static final Set<String> OVER = Set.of("shutting-down", "terminated");

  private final SshHosts hosts = new SshHosts();
  private final MotoDisks disks = new MotoDisks();
  private final Moto moto;
  private final Ec2Proxy proxy;
  private final Ec2 straight;
  private final Map<String, Host> machines = new ConcurrentHashMap<>();
  private final Map<String, CompletableFuture<Void>> lives = new ConcurrentHashMap<>();
  private final Set<String> ended = ConcurrentHashMap.newKeySet();
  private final Map<String, Instant> planted = new ConcurrentHashMap<>();
  private final List<String> trouble = new CopyOnWriteArrayList<>();
  private final ExecutorService powered = Executors.newVirtualThreadPerTaskExecutor();
  private final ScheduledExecutorService watch =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("moto-cloud").factory());

  /** A machine in moto's books. */
  public record Machine(String id, String state, Map<String, String> tags) {
    public boolean isOver() {
      return OVER.contains(state);
    }
  }

  public MotoCloud() {
    try {
      moto = Moto.start();
      proxy = Ec2Proxy.before(moto.uri());
    } catch (IOException e) {
      hosts.close();
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
    straight = new Ec2(moto.uri(), REGION);
    proxy.rewriteAnswers(this::rewritten);
    try {
      route();
    } catch (RuntimeException | AssertionError e) {
      close();
      throw e;
    }
    watch.scheduleWithFixedDelay(this::look, 0, LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** The default VPC of a real account leads out; moto's does not. */
  private void route() {
    String vpc =
        Ec2.anywhere(
            straight.call(
                "DescribeVpcs", "Filter.1.Name", "is-default", "Filter.1.Value.1", "true"),
            "vpcId");
    String gateway = Ec2.anywhere(straight.call("CreateInternetGateway"), "internetGatewayId");
    straight.call("AttachInternetGateway", "VpcId", vpc, "InternetGatewayId", gateway);
    String table =
        Ec2.anywhere(
            straight.call(
                "DescribeRouteTables",
                "Filter.1.Name",
                "vpc-id",
                "Filter.1.Value.1",
                vpc,
                "Filter.2.Name",
                "association.main",
                "Filter.2.Value.1",
                "true"),
            "routeTableId");
    straight.call(
        "CreateRoute",
        "RouteTableId",
        table,
        "GatewayId",
        gateway,
        "DestinationCidrBlock",
        "0.0.0.0/0");
  }

  public Ec2Proxy proxy() {
    return proxy;
  }

  /** Whether what is attached to a machine can be used there. */
  public static boolean hasDisks() {
    return MotoDisks.possible();
  }

  // --- the machines ------------------------------------------------------------------------------

  /** All that there ever were. */
  public List<Machine> machines() {
    List<Machine> all = new ArrayList<>();
    for (Element one : Ec2.instances(straight.call("DescribeInstances"))) {
      String state =
          Ec2.child(one, "instanceState").map(found -> Ec2.textOf(found, "name")).orElse("");
      all.add(new Machine(Ec2.textOf(one, "instanceId"), state, tags(one)));
    }
    return all;
  }

  public List<Machine> machines(String tag, String value) {
    return machines().stream().filter(one -> value.equals(one.tags().get(tag))).toList();
  }

  /** The tags of each volume that was made as one, by its id. */
  public Map<String, Map<String, String>> volumes() {
    Map<String, Map<String, String>> volumes = new HashMap<>();
    volumeItems().forEach(one -> volumes.put(Ec2.textOf(one, "volumeId"), tags(one)));
    return volumes;
  }

  private List<Element> volumeItems() {
    return Ec2.child(straight.call("DescribeVolumes"), "volumeSet").stream()
        .flatMap(set -> Ec2.children(set, "item").stream())
        .filter(volume -> tags(volume).containsKey("dstack:volume"))
        .toList();
  }

  /** Where which volume is now, by the machine's id. */
  private Map<String, Map<String, Integer>> attached() {
    Map<String, Map<String, Integer>> attached = new HashMap<>();
    for (Element volume : volumeItems()) {
      Ec2.child(volume, "attachmentSet").stream()
          .flatMap(set -> Ec2.children(set, "item").stream())
          .forEach(
              one ->
                  attached
                      .computeIfAbsent(Ec2.textOf(one, "instanceId"), _ -> new HashMap<>())
                      .put(
                          Ec2.textOf(volume, "volumeId"),
                          Integer.valueOf(Ec2.textOf(volume, "size"))));
    }
    return attached;
  }

  private static Map<String, String> tags(Element of) {
    Map<String, String> tags = new HashMap<>();
    Ec2.child(of, "tagSet").stream()
        .flatMap(set -> Ec2.children(set, "item").stream())
        .forEach(tag -> tags.put(Ec2.textOf(tag, "key"), Ec2.textOf(tag, "value")));
    return tags;
  }

  /** A machine that no server has made, so old; without user data, so nothing boots. */
  public String plant(Map<String, String> tags, Duration age) {
    List<String> parameters =
        new ArrayList<>(
            List.of(
                "ImageId",
                "ami-12345678",
                "MinCount",
                "1",
                "MaxCount",
                "1",
                "TagSpecification.1.ResourceType",
                "instance"));
    int number = 0;
    for (Map.Entry<String, String> tag : tags.entrySet()) {
      String name = "TagSpecification.1.Tag." + ++number;
      parameters.addAll(List.of(name + ".Key", tag.getKey(), name + ".Value", tag.getValue()));
    }
    String id =
        Ec2.anywhere(
            straight.call("RunInstances", parameters.toArray(String[]::new)), "instanceId");
    planted.put(id, Instant.now().minus(age));
    return id;
  }

  /** As EC2 gives it back; empty: it was given none. */
  public String userData(String id) {
    String base64 =
        Ec2.child(
                straight.call(
                    "DescribeInstanceAttribute", "InstanceId", id, "Attribute", "userData"),
                "userData")
            .map(found -> Ec2.textOf(found, "value"))
            .orElse("");
    return new String(Base64.getMimeDecoder().decode(base64), StandardCharsets.UTF_8);
  }

  /** The host that is this machine. */
  public Host host(String id) {
    return machines.computeIfAbsent(
        id,
        _ -> {
          Host host = hosts.prepareClosed(Map.of());
          disks.prepare(host);
          return host;
        });
  }

  // --- power -------------------------------------------------------------------------------------

  private void look() {
    try {
      for (Machine machine : machines()) {
        if (machine.isOver()) {
          CompletableFuture<Void> life = lives.get(machine.id());
          if (life != null && ended.add(machine.id())) {
            life.thenRunAsync(
                () -> carefully(machine.id(), () -> host(machine.id()).powerOff()), powered);
          }
        } else {
          lives.computeIfAbsent(
              machine.id(),
              id -> CompletableFuture.runAsync(() -> carefully(id, () -> boot(id)), powered));
        }
      }
      Map<String, Map<String, Integer>> attached = attached();
      machines.forEach((id, host) -> disks.show(host, attached.getOrDefault(id, Map.of())));
    } catch (RuntimeException | AssertionError e) {
      trouble.add("moto: " + e);
    }
  }

  private void boot(String id) {
    String userData = userData(id);
    if (userData.isEmpty()) {
      return;
    }
    Host host = host(id);
    try {
      Files.writeString(host.home().resolve("user-data"), userData);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    host.start();
  }

  private void carefully(String id, Runnable action) {
    try {
      action.run();
    } catch (RuntimeException | AssertionError e) {
      trouble.add(id + ": " + e);
    }
  }

  /** For a failed test: what went wrong, and what the user data of the machines said. */
  public String story() {
    StringBuilder story = new StringBuilder("Machines: ").append(machines());
    trouble.forEach(one -> story.append('\n').append(one));
    machines.forEach(
        (id, host) -> {
          Path log = host.home().resolve("user-data.log");
          story.append('\n').append(id).append(": ").append(ServerProcess.tail(log, 1000));
        });
    return story.toString();
  }

  // --- what the proxy tells ----------------------------------------------------------------------

  private String rewritten(String xml) {
    if (!xml.contains("<instancesSet>")) {
      return xml;
    }
    Document document = Ec2.parsed(xml);
    for (Element machine : Ec2.instances(document.getDocumentElement())) {
      String id = Ec2.textOf(machine, "instanceId");
      Instant launched = planted.get(id);
      if (launched != null) {
        set(machine, "launchTime", launched.toString());
      } else {
        set(machine, "ipAddress", host(id).address());
        set(machine, "privateIpAddress", host(id).address());
      }
    }
    return Ec2.text(document);
  }

  private static void set(Element machine, String name, String text) {
    Ec2.child(machine, name).ifPresent(found -> found.setTextContent(text));
  }

  @Override
  public void close() {
    watch.shutdownNow();
    lives.values().forEach(life -> life.handle((_, _) -> true).join());
    powered.close();
    proxy.close();
    moto.close();
    hosts.close();
    disks.close();
  }
}
