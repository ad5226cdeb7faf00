package dev.dstack.model.offer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.json.Json;
import dev.dstack.model.offer.Requirements.GpuRequirements;
import dev.dstack.model.resources.ComputeCapability;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What fits what: a line for each rule, with the words that a person is told. */
class RequirementsTest {
  /** 8 cpus, 32 GB, 100 GB of disk, 4 T4, on demand for a dollar in zones a and b of eu-1. */
  private static final Offer MACHINE =
      new Offer(
          new BackendType("aws"),
          "g4dn.x",
          "eu-1",
          new Resources(
              CpuArch.X86,
              8,
              gib(32),
              gib(100),
              // As a driver measures it.
              Collections.nCopies(4, new Gpu(GpuVendor.NVIDIA, "T4", 15_360)),
              false),
          1.0,
          Availability.AVAILABLE,
          Map.of(Offer.RESERVATION, "cr-1"),
          List.of("eu-1a", "eu-1b"));

  @ParameterizedTest(name = "cpu {0}..{1} {2}: {3}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "8 | - | -   | -",
        "8 | 8 | x86 | -",
        "1 | 4 | -   | cpu: has 8, asked 1..4",
        "9 | - | -   | cpu: has 8, asked 9..",
        "16 | 16 | - | cpu: has 8, asked 16",
        "0 | - | arm | cpu: is x86, asked arm",
      })
  void processors(int min, @Nullable Integer max, @Nullable String arch, @Nullable String why) {
    assertThat(
            new Requirements(
                    arch == null ? null : CpuArch.valueOf(arch.toUpperCase(java.util.Locale.ROOT)),
                    min,
                    max,
                    0,
                    null,
                    0,
                    null,
                    null,
                    null,
                    null,
                    List.of(),
                    List.of(),
                    List.of(),
                    List.of(),
                    null)
                .refusal(MACHINE))
        .isEqualTo(Optional.ofNullable(why));
  }

  @ParameterizedTest(name = "memory {0}..{1}, disk {2}..{3}: {4}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "32 | - | 100 | -   | -",
        "0 | 32 | 0   | 100 | -",
        "33 | - | 0   | -   | memory: has 32GB, asked 33GB..",
        "1 | 16 | 0   | -   | memory: has 32GB, asked 1GB..16GB",
        "0 | -  | 200 | -   | disk: has 100GB, asked 200GB..",
        "0 | -  | 1   | 50  | disk: has 100GB, asked 1GB..50GB",
      })
  void memoryAndDisk(
      long memoryMin,
      @Nullable Long memoryMax,
      long diskMin,
      @Nullable Long diskMax,
      @Nullable String why) {
    assertThat(
            new Requirements(
                    null,
                    0,
                    null,
                    gib(memoryMin),
                    memoryMax == null ? null : Long.valueOf(gib(memoryMax)),
                    gib(diskMin),
                    diskMax == null ? null : Long.valueOf(gib(diskMax)),
                    null,
                    null,
                    null,
                    List.of(),
                    List.of(),
                    List.of(),
                    List.of(),
                    null)
                .refusal(MACHINE))
        .isEqualTo(Optional.ofNullable(why));
  }

  /** Columns: vendor, names, count, memory, memory in all, compute capability. */
  @ParameterizedTest(name = "{0} {1} {2} {3} {4} {5}: {6}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "nvidia | -       | 1..  | -      | -     | -   | -",
        "-      | t4      | 4..4 | 16..16 | 64..  | 7.5 | -",
        "-      | A100,T4 | 1..8 | ..24   | -     | 7.0 | -",
        "amd    | -       | 1..  | -      | -     | -   | gpu: has T4:16GB:4, asked amd:1..",
        "-      | A100    | 1..  | -      | -     | -   | gpu: has T4:16GB:4, asked A100:1..",
        "-      | -       | 8..  | -      | -     | -   | gpu: has T4:16GB:4, asked 8..",
        "-      | -       | 1..2 | -      | -     | -   | gpu: has T4:16GB:4, asked 1..2",
        "-      | -       | 0..0 | -      | -     | -   | gpu: has T4:16GB:4, asked 0",
        "-      | -       | 1..  | 24..   | -     | -   | gpu: has T4:16GB:4, asked 24GB..:1..",
        "-      | -       | 1..  | -      | 80..  | -   | "
            + "gpu: has 64GB of memory in all, asked 1.. with 80GB.. in all",
        "-      | -       | 1..  | -      | ..32  | -   | "
            + "gpu: has 64GB of memory in all, asked 1.. with 0GB..32GB in all",
        "-      | -       | 1..  | -      | -     | 8.0 | "
            + "gpu: has T4:16GB:4, asked 1.. of compute capability 8.0 or more",
        // Which accelerators is no question for who may have none, unless there are some.
        "-      | A100    | 0..1 | -      | -     | -   | gpu: has T4:16GB:4, asked A100:0..1",
      })
  void accelerators(
      @Nullable String vendor,
      @Nullable String names,
      String count,
      @Nullable String memory,
      @Nullable String total,
      @Nullable String capability,
      @Nullable String why) {
    assertThat(gpus(vendor, names, count, memory, total, capability).refusal(MACHINE))
        .isEqualTo(Optional.ofNullable(why));
  }

  @Test
  void whoMayHaveNoAcceleratorTakesAMachineWithoutOne() {
    Offer plain = MACHINE.with(new Resources(CpuArch.X86, 8, gib(32), gib(100), List.of(), false));

    assertThat(gpus("nvidia", "A100", "0..1", "80..", "80..", "8.0").refusal(plain)).isEmpty();
    assertThat(gpus(null, null, "0..0", null, null, null).refusal(plain)).isEmpty();
    assertThat(gpus(null, null, "1..", null, null, null).refusal(plain))
        .contains("gpu: has none, asked 1..");
  }

  @Test
  void anUnknownModelHasNoKnownCapability() {
    Offer unknown =
        MACHINE.with(
            new Resources(
                CpuArch.X86,
                8,
                gib(32),
                gib(100),
                List.of(new Gpu(GpuVendor.NVIDIA, "X9000", 24 * 1024)),
                false));

    assertThat(gpus(null, null, "1..", "24..", null, null).refusal(unknown)).isEmpty();
    assertThat(gpus(null, null, "1..", null, null, "5.0").refusal(unknown)).isPresent();
  }

  @ParameterizedTest(name = "{0}={1}: {2}")
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "backends  | AWS           | -",
        "backends  | gcp,azure     | backend: is aws, asked gcp or azure",
        "regions   | us-1,EU-1     | -",
        "regions   | us-1          | region: is eu-1, asked us-1",
        "types     | G4DN.X        | -",
        "types     | p4d.24xlarge  | instance type: is g4dn.x, asked p4d.24xlarge",
        "zones     | EU-1B         | -",
        "zones     | eu-1c         | zone: is eu-1a or eu-1b, asked eu-1c",
        "price     | 1.0           | -",
        "price     | 0.5           | price: is $1, max_price is $0.5",
        "spot      | false         | -",
        "spot      | true          | spot: is on-demand, asked spot",
        "reserved  | cr-1          | -",
        "reserved  | cr-2          | reservation: is not part of cr-2",
      })
  void placesPricesAndKinds(String field, String value, @Nullable String why) {
    List<String> words = List.of(value.split(",", -1));
    Requirements wanted =
        new Requirements(
            null,
            0,
            null,
            0,
            null,
            0,
            null,
            null,
            field.equals("spot") ? Boolean.valueOf(value) : null,
            field.equals("price") ? Double.valueOf(value) : null,
            field.equals("backends") ? words : List.of(),
            field.equals("regions") ? words : List.of(),
            field.equals("types") ? words : List.of(),
            field.equals("zones") ? words : List.of(),
            field.equals("reserved") ? value : null);

    assertThat(wanted.refusal(MACHINE)).isEqualTo(Optional.ofNullable(why));
  }

  @Test
  void anOfferIsTakenInTheZonesThatAreAskedFor() {
    Requirements wanted = inZones("EU-1B", "eu-1c");
    Offer elsewhere = MACHINE.inZones(List.of());

    assertThat(Offers.matching(wanted, List.of(elsewhere, MACHINE)))
        .containsExactly(MACHINE.inZones(List.of("eu-1b")));
    assertThat(wanted.refusal(elsewhere)).contains("zone: is not known, asked EU-1B or eu-1c");
  }

  @Test
  void listsAreMergedByPriceAndEachKeepsItsOrder() {
    List<Offer> first = List.of(priced("a", 3), priced("b", 1), priced("c", 4));
    List<Offer> second = List.of(priced("d", 2), priced("e", 3), priced("f", 9));

    assertThat(Offers.merged(List.of(first, List.of(), second)))
        .extracting(Offer::instanceType)
        .containsExactly("d", "a", "b", "e", "c", "f");
    assertThat(Offers.matching(inZones(), first))
        .extracting(Offer::instanceType)
        .containsExactly("b", "a", "c");
  }

  /** Written by an earlier version, in histories and in the database. */
  @Test
  void whatWasWrittenBeforeIsStillRead() {
    String old =
        """
        {"arch":null,"cpus_min":2,"cpus_max":null,"memory_mib_min":8192,"memory_mib_max":null,
         "disk_mib_min":0,"disk_mib_max":null,"gpu":{"vendor":"nvidia","names":["T4"],"count_min":1,
         "count_max":null,"memory_mib_min":null,"memory_mib_max":null,"total_memory_mib_min":null,
         "total_memory_mib_max":null},"spot":null,"max_price":null,"backends":[],"regions":[],
         "instance_types":[]}
        """;

    Requirements read = Json.lenient().readValue(old, Requirements.class);

    assertThat(read.refusal(MACHINE)).isEmpty();
    assertThat(Json.lenient().readTree(Json.lenient().writeValueAsString(read)))
        .isEqualTo(Json.lenient().readTree(old));
    Requirements all =
        new Requirements(
            CpuArch.ARM,
            1,
            2,
            3,
            4L,
            5,
            6L,
            new GpuRequirements(
                GpuVendor.AMD,
                List.of("MI300X"),
                1,
                2,
                3L,
                4L,
                5L,
                6L,
                new ComputeCapability(8, 6)),
            true,
            1.5,
            List.of("aws"),
            List.of("r"),
            List.of("t"),
            List.of("z"),
            "cr-1");
    assertThat(Json.lenient().readValue(Json.lenient().writeValueAsString(all), Requirements.class))
        .isEqualTo(all);
  }

  /** Whatever is asked, what is refused as a whole never has a claim that fits. */
  @Test
  void everyCountIsCheckedAgainstTheMachine() {
    IntStream.rangeClosed(0, 8)
        .forEach(
            count ->
                assertThat(
                        gpus(null, null, count + "..", null, null, null).refusal(MACHINE).isEmpty())
                    .as("%d of 4", count)
                    .isEqualTo(count <= 4));
  }

  private static Offer priced(String type, double price) {
    return new Offer(
        new BackendType("aws"),
        type,
        "eu-1",
        MACHINE.resources(),
        price,
        Availability.AVAILABLE,
        Map.of());
  }

  private static Requirements inZones(String... zones) {
    return Requirements.ANY.within(List.of(), List.of(), List.of(zones));
  }

  private static Requirements gpus(
      @Nullable String vendor,
      @Nullable String names,
      String count,
      @Nullable String memory,
      @Nullable String total,
      @Nullable String capability) {
    Long countMin = bound(count, 0);
    Long countMax = bound(count, 1);
    GpuRequirements gpu =
        new GpuRequirements(
            vendor == null ? null : GpuVendor.valueOf(vendor.toUpperCase(java.util.Locale.ROOT)),
            names == null ? List.of() : List.of(names.split(",", -1)),
            countMin == null ? 0 : countMin.intValue(),
            countMax == null ? null : Integer.valueOf(countMax.intValue()),
            mib(memory, 0),
            mib(memory, 1),
            mib(total, 0),
            mib(total, 1),
            capability == null ? null : ComputeCapability.of(capability));
    return new Requirements(
        null, 0, null, 0, null, 0, null, gpu, null, null, List.of(), List.of(), List.of(),
        List.of(), null);
  }

  private static @Nullable Long mib(@Nullable String range, int end) {
    Long bound = range == null ? null : bound(range, end);
    return bound == null ? null : Long.valueOf(gib(bound));
  }

  private static @Nullable Long bound(String range, int end) {
    String[] ends = range.split("\\.\\.", -1);
    return ends[end].isEmpty() ? null : Long.valueOf(ends[end]);
  }

  private static long gib(long count) {
    return count * 1024;
  }
}
