package dev.dstack.model.config;

import dev.dstack.model.resources.ComputeCapability;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.configuration.IdleDuration;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.configuration.SpotPolicy;
import dev.dstack.model.wire.configuration.VastAiProfileOptions;
import dev.dstack.model.wire.resources.CpuSpec;
import dev.dstack.model.wire.resources.DiskSpec;
import dev.dstack.model.wire.resources.GpuSpec;
import dev.dstack.model.wire.resources.Range;
import dev.dstack.model.wire.resources.ResourcesSpec;
import dev.dstack.model.wire.run.Requirements;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a fleet and a run ask for together; a contradiction rules the fleet out. */
public final class Combination {
  private Combination() {}

  /** The result, or why there is none. */
  public sealed interface Result<T> {
    record Of<T>(T value) implements Result<T> {}

    record Conflict<T>(String why) implements Result<T> {}
  }

  /** Only what affects the choice of offers is kept. */
  public static Result<ProfileParams> profiles(ProfileParams fleet, ProfileParams run) {
    return attempt(
        () ->
            new ProfileParams(
                either(fleet.backends(), run.backends(), Combination::common),
                either(fleet.regions(), run.regions(), Combination::commonWords),
                either(
                    fleet.availabilityZones(), run.availabilityZones(), Combination::commonWords),
                either(fleet.instanceTypes(), run.instanceTypes(), Combination::commonWords),
                same("reservation", fleet.reservation(), run.reservation()),
                either(fleet.spotPolicy(), run.spotPolicy(), Combination::spotPolicy),
                null,
                null,
                null,
                either(fleet.maxPrice(), run.maxPrice(), Math::min),
                null,
                either(fleet.idleDuration(), run.idleDuration(), IdleDuration::shorter),
                null,
                null,
                null,
                null,
                null,
                null,
                either(fleet.tags(), run.tags(), Combination::tags),
                either(fleet.backendOptions(), run.backendOptions(), Combination::options)));
  }

  public static Result<Requirements> requirements(Requirements fleet, Requirements run) {
    return attempt(
        () ->
            new Requirements(
                resources(fleet.resources(), run.resources()),
                either(fleet.maxPrice(), run.maxPrice(), Math::min),
                same("spot", fleet.spot(), run.spot()),
                same("reservation", fleet.reservation(), run.reservation()),
                isTrue(fleet.multinode()) ? fleet.multinode() : run.multinode(),
                either(fleet.backendOptions(), run.backendOptions(), Combination::options)));
  }

  private static boolean isTrue(@Nullable Boolean value) {
    return value != null && value;
  }

  private static ResourcesSpec resources(ResourcesSpec fleet, ResourcesSpec run) {
    return new ResourcesSpec(
        new CpuSpec(
            same("cpu.arch", fleet.cpu().arch(), run.cpu().arch()),
            range("cpu", fleet.cpu().count(), run.cpu().count())),
        range("memory", fleet.memory(), run.memory()),
        either(fleet.shmSize(), run.shmSize(), (a, b) -> a.compareTo(b) <= 0 ? a : b),
        either(fleet.gpu(), run.gpu(), Combination::gpu),
        either(
            fleet.disk(), run.disk(), (a, b) -> new DiskSpec(range("disk", a.size(), b.size()))));
  }

  private static GpuSpec gpu(GpuSpec fleet, GpuSpec run) {
    return new GpuSpec(
        same("gpu.vendor", fleet.vendor(), run.vendor()),
        either(fleet.name(), run.name(), Combination::commonWords),
        range("gpu.count", fleet.count(), run.count()),
        either(fleet.memory(), run.memory(), (a, b) -> range("gpu.memory", a, b)),
        either(fleet.totalMemory(), run.totalMemory(), (a, b) -> range("gpu.total_memory", a, b)),
        either(fleet.computeCapability(), run.computeCapability(), Combination::higher));
  }

  private static ComputeCapability higher(ComputeCapability one, ComputeCapability other) {
    return one.compareTo(other) >= 0 ? one : other;
  }

  private static <T extends Comparable<T>> Range<T> range(
      String field, Range<T> fleet, Range<T> run) {
    Range<T> both = fleet.intersect(run);
    if (both == null) {
      throw new Contradiction(field + ": the fleet has " + fleet + ", the run asks for " + run);
    }
    return both;
  }

  private static SpotPolicy spotPolicy(SpotPolicy fleet, SpotPolicy run) {
    if (fleet == SpotPolicy.AUTO || fleet == run) {
      return run;
    }
    if (run == SpotPolicy.AUTO) {
      return fleet;
    }
    throw new Contradiction(
        "spot_policy: the fleet has " + fleet.wire() + ", the run asks for " + run.wire());
  }

  private static List<BackendName> common(List<BackendName> fleet, List<BackendName> run) {
    return fleet.stream().filter(run::contains).toList();
  }

  private static List<String> commonWords(List<String> fleet, List<String> run) {
    Set<String> wanted =
        run.stream().map(word -> word.toLowerCase(Locale.ROOT)).collect(Collectors.toSet());
    return fleet.stream().filter(word -> wanted.contains(word.toLowerCase(Locale.ROOT))).toList();
  }

  private static Map<String, String> tags(Map<String, String> fleet, Map<String, String> run) {
    Map<String, String> tags = new LinkedHashMap<>(fleet);
    tags.putAll(run);
    return tags;
  }

  /** There is one kind of options so far, and each list has it at most once. */
  private static List<VastAiProfileOptions> options(
      List<VastAiProfileOptions> fleet, List<VastAiProfileOptions> run) {
    if (fleet.isEmpty() || run.isEmpty()) {
      return fleet.isEmpty() ? run : fleet;
    }
    VastAiProfileOptions a = fleet.getFirst();
    VastAiProfileOptions b = run.getFirst();
    return List.of(
        new VastAiProfileOptions(
            same("backend_options.offer_order", a.offerOrder(), b.offerOrder()),
            either(a.minReliability(), b.minReliability(), Math::max),
            either(a.minScore(), b.minScore(), Math::max)));
  }

  private static <T> @Nullable T either(
      @Nullable T fleet, @Nullable T run, BinaryOperator<T> both) {
    if (fleet == null || run == null) {
      return fleet == null ? run : fleet;
    }
    return both.apply(fleet, run);
  }

  private static <T> @Nullable T same(String field, @Nullable T fleet, @Nullable T run) {
    return either(
        fleet,
        run,
        (a, b) -> {
          if (!Objects.equals(a, b)) {
            throw new Contradiction(field + ": the fleet has " + a + ", the run asks for " + b);
          }
          return a;
        });
  }

  private static <T> Result<T> attempt(Attempt<T> attempt) {
    try {
      return new Result.Of<>(attempt.run());
    } catch (Contradiction contradiction) {
      return new Result.Conflict<>(contradiction.why);
    }
  }

  private interface Attempt<T> {
    T run();
  }

  /** Leaves the nested combination at once; it never leaves this class. */
  private static final class Contradiction extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final String why;

    Contradiction(String why) {
      super(why, null, false, false);
      this.why = why;
    }
  }
}
