package dev.dstack.backends.scripted;

import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The entry of {@code scripted} in config.yml.
 *
 * <pre>
 * pool: default              # machines of a pool share a directory and the limit
 * instances: 100             # so many machines at a time
 * regions: [scripted-1]
 * create_delay: 2s           # from creation to an agent that answers
 * instance_types:
 * - {name: small, cpus: 2, memory: 8GB, disk: 100GB, price: 0.1}
 * - {name: gpu, cpus: 16, memory: 128GB, gpus: ["H100:80GB:8"], price: 20, spot: true}
 * failures:
 *   seed: 1
 *   no_capacity: {first: 2}  # the first two machines asked for
 *   throttled: {probability: 0.2}
 *   lost_reply: {probability: 0.1}
 *   host_lost: {probability: 0.05, after: 30s}
 * job: {start_delay: 1s, duration: 20s, exit_status: 0, lines: 100, rate: 5, text: "step {n}"}
 * </pre>
 */
record ScriptedConfig(
    String pool,
    int instances,
    List<String> regions,
    Duration createDelay,
    List<Type> types,
    Failures failures,
    JobScript job) {

  private static final long MAX_SEED = 1L << 50;

  /** A kind of machine. */
  record Type(String name, Resources resources, double price) {}

  /**
   * When something goes wrong, and how often: each machine meets a failure at most once.
   *
   * @param first the first so many machines meet it
   * @param probability of all others; decided by the seed and the machine's token
   */
  record Failure(int first, double probability) {
    boolean never() {
      return first == 0 && probability == 0;
    }
  }

  record Failures(
      long seed,
      Failure noCapacity,
      Failure throttled,
      Failure lostReply,
      Failure hostLost,
      Duration hostLostAfter) {}

  static ScriptedConfig parse(Map<String, Object> config) {
    Fields top =
        new Fields(
            "backend scripted: ",
            config,
            Set.of(
                "pool",
                "instances",
                "region",
                "regions",
                "create_delay",
                "instance_types",
                "failures",
                "job"));
    return new ScriptedConfig(
        top.name("pool", "default"),
        (int) top.whole("instances", 100, 0, 100_000),
        regions(top),
        top.duration("create_delay", Duration.ZERO),
        types(top),
        failures(top),
        JobScript.parse(top.child("job", JobScript.FIELDS)));
  }

  /** Everything there is, cheapest first. */
  List<Offer> offers(Availability availability) {
    List<Offer> offers = new ArrayList<>();
    for (Type type : types) {
      for (String region : regions) {
        offers.add(
            new Offer(
                BackendType.SCRIPTED,
                type.name(),
                region,
                type.resources(),
                type.price(),
                availability,
                Map.of()));
      }
    }
    offers.sort((a, b) -> Double.compare(a.price(), b.price()));
    return offers;
  }

  private static List<String> regions(Fields top) {
    if (top.has("region") && top.has("regions")) {
      throw top.invalid("region", "and regions can't both be given");
    }
    if (!top.has("regions")) {
      return List.of(top.name("region", "scripted-1"));
    }
    List<String> regions = top.list("regions").stream().map(String::valueOf).toList();
    if (regions.isEmpty()) {
      throw top.invalid("regions", "must not be empty");
    }
    return regions;
  }

  private static List<Type> types(Fields top) {
    Set<String> known = Set.of("name", "cpus", "memory", "disk", "gpus", "price", "spot", "arch");
    List<Object> given = top.list("instance_types");
    List<Type> types = new ArrayList<>();
    for (int i = 0; i < given.size(); i++) {
      Fields fields = top.item("instance_types", i, given.get(i), known);
      if (!fields.has("name")) {
        throw fields.invalid("name", "is missing");
      }
      types.add(type(fields));
    }
    if (types.isEmpty()) {
      types.add(type(new Fields("backend scripted: ", Map.of("name", "scripted.small"), known)));
    }
    return types;
  }

  private static Type type(Fields fields) {
    String arch = fields.text("arch", "x86");
    if (!arch.equals("x86") && !arch.equals("arm")) {
      throw fields.invalid("arch", "must be x86 or arm, is '" + arch + "'");
    }
    List<Gpu> gpus = new ArrayList<>();
    for (Object gpu : fields.list("gpus")) {
      gpus.addAll(gpus(fields, gpu.toString()));
    }
    Resources resources =
        new Resources(
            arch.equals("x86") ? CpuArch.X86 : CpuArch.ARM,
            fields.whole("cpus", 2, 1, 10_000),
            fields.mib("memory", "8GB"),
            fields.mib("disk", "100GB"),
            gpus,
            fields.flag("spot"));
    return new Type(
        fields.name("name", "scripted.small"), resources, fields.number("price", 0, 0, 1_000_000));
  }

  /** {@code NAME:MEMORY[:COUNT]}, with {@code VENDOR:} in front where it is not NVIDIA. */
  private static List<Gpu> gpus(Fields fields, String text) {
    List<String> parts = new ArrayList<>(List.of(text.split(":", -1)));
    GpuVendor vendor = GpuVendor.NVIDIA;
    for (GpuVendor candidate : GpuVendor.values()) {
      if (candidate.wire().equals(parts.getFirst().toLowerCase(Locale.ROOT))) {
        vendor = candidate;
        parts.removeFirst();
        break;
      }
    }
    boolean countFits = parts.size() < 3 || parts.get(2).matches("[1-9][0-9]?");
    if (parts.size() < 2 || parts.size() > 3 || !countFits) {
      throw fields.invalid("gpus", "must be such as H100:80GB:8, is '" + text + "'");
    }
    int mib = (int) Fields.mibOf(fields.path("gpus"), parts.get(1));
    int count = parts.size() < 3 ? 1 : Integer.parseInt(parts.get(2));
    return Collections.nCopies(count, new Gpu(vendor, parts.get(0), mib));
  }

  private static Failures failures(Fields top) {
    Fields fields =
        top.child(
            "failures", Set.of("seed", "no_capacity", "throttled", "lost_reply", "host_lost"));
    Fields lost = fields.child("host_lost", Set.of("first", "probability", "after"));
    return new Failures(
        fields.whole("seed", 0, -MAX_SEED, MAX_SEED),
        failure(fields.child("no_capacity", Set.of("first", "probability"))),
        failure(fields.child("throttled", Set.of("first", "probability"))),
        failure(fields.child("lost_reply", Set.of("first", "probability"))),
        failure(lost),
        lost.duration("after", Duration.ofSeconds(30)));
  }

  private static Failure failure(Fields fields) {
    return new Failure(
        (int) fields.whole("first", 0, 0, 1_000_000), fields.number("probability", 0, 0, 1));
  }
}
