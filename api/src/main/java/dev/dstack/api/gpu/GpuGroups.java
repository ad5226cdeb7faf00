package dev.dstack.api.gpu;

import dev.dstack.api.fleet.Capacity.Shown;
import dev.dstack.api.web.Wire;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.wire.common.BackendName;
import dev.dstack.model.wire.gpu.CpuGroup;
import dev.dstack.model.wire.gpu.GpuGroup;
import dev.dstack.model.wire.gpu.GpuGroupBy;
import dev.dstack.model.wire.resources.Range;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Puts offers of the same accelerator together; prices are for one accelerator. */
final class GpuGroups {
  private GpuGroups() {}

  private record GpuKey(
      String name,
      int memoryMib,
      GpuVendor vendor,
      @Nullable BackendName backend,
      @Nullable String region,
      int count) {}

  private record CpuKey(@Nullable BackendName backend, @Nullable String region) {}

  static List<GpuGroup> gpus(List<Shown> offers, Set<GpuGroupBy> by, boolean reverse) {
    Map<GpuKey, List<Shown>> groups = new LinkedHashMap<>();
    for (Shown one : offers) {
      List<Gpu> gpus = one.offer().resources().gpus();
      if (!gpus.isEmpty()) {
        Gpu first = gpus.getFirst();
        groups
            .computeIfAbsent(
                new GpuKey(
                    first.name(),
                    first.memoryMib(),
                    first.vendor(),
                    by.contains(GpuGroupBy.BACKEND) ? Wire.backend(one.offer().backend()) : null,
                    by.contains(GpuGroupBy.REGION) ? one.offer().region() : null,
                    by.contains(GpuGroupBy.COUNT) ? gpus.size() : 0),
                _ -> new ArrayList<>())
            .add(one);
      }
    }
    List<GpuGroup> made = new ArrayList<>();
    groups.forEach((key, members) -> made.add(group(key, members, by)));
    Comparator<GpuGroup> price =
        Comparator.comparingDouble((GpuGroup group) -> orZero(group.price().min()));
    Comparator<GpuGroup> order =
        Comparator.comparing((GpuGroup group) -> !anyUsable(group.availability()))
            .thenComparing(reverse ? price.reversed() : price)
            .thenComparing(GpuGroup::name);
    made.sort(order);
    return made;
  }

  static List<CpuGroup> cpus(List<Shown> offers, Set<GpuGroupBy> by) {
    Map<CpuKey, List<Shown>> groups = new LinkedHashMap<>();
    for (Shown one : offers) {
      if (one.offer().resources().gpus().isEmpty()) {
        groups
            .computeIfAbsent(
                new CpuKey(
                    by.contains(GpuGroupBy.BACKEND) ? Wire.backend(one.offer().backend()) : null,
                    by.contains(GpuGroupBy.REGION) ? one.offer().region() : null),
                _ -> new ArrayList<>())
            .add(one);
      }
    }
    List<CpuGroup> made = new ArrayList<>();
    groups.forEach(
        (key, members) ->
            made.add(
                new CpuGroup(
                    archs(members),
                    range(members, one -> (int) Math.floor(one.offer().resources().cpus())),
                    range(members, one -> Math.toIntExact(one.offer().resources().memoryMib())),
                    range(members, one -> one.offer().price()),
                    availability(members),
                    spot(members),
                    by.contains(GpuGroupBy.BACKEND) ? null : backends(members),
                    key.backend(),
                    by.contains(GpuGroupBy.BACKEND) && !by.contains(GpuGroupBy.REGION)
                        ? regions(members)
                        : null,
                    key.region())));
    return made;
  }

  private static GpuGroup group(GpuKey key, List<Shown> members, Set<GpuGroupBy> by) {
    return new GpuGroup(
        key.name(),
        key.memoryMib(),
        key.vendor(),
        availability(members),
        spot(members),
        range(members, one -> one.offer().resources().gpus().size()),
        range(
            members,
            one -> one.offer().price() / Math.max(1, one.offer().resources().gpus().size())),
        range(members, one -> one.offer().price()),
        by.contains(GpuGroupBy.BACKEND) ? null : backends(members),
        key.backend(),
        by.contains(GpuGroupBy.BACKEND) && !by.contains(GpuGroupBy.REGION)
            ? regions(members)
            : null,
        key.region());
  }

  private static boolean anyUsable(Collection<Availability> all) {
    return all.stream().anyMatch(Availability::usable);
  }

  private static List<CpuArch> archs(List<Shown> members) {
    return List.copyOf(
        new TreeSet<>(members.stream().map(one -> one.offer().resources().arch()).toList()));
  }

  private static List<Availability> availability(List<Shown> members) {
    return List.copyOf(new TreeSet<>(members.stream().map(Shown::availability).toList()));
  }

  private static List<String> spot(List<Shown> members) {
    return List.copyOf(
        new TreeSet<>(
            members.stream()
                .map(one -> one.offer().resources().spot() ? "spot" : "on-demand")
                .toList()));
  }

  private static List<BackendName> backends(List<Shown> members) {
    return List.copyOf(
        new TreeSet<>(members.stream().map(one -> Wire.backend(one.offer().backend())).toList()));
  }

  private static List<String> regions(List<Shown> members) {
    return List.copyOf(new TreeSet<>(members.stream().map(one -> one.offer().region()).toList()));
  }

  private static <T extends Comparable<T>> Range<T> range(
      List<Shown> members, Function<Shown, T> value) {
    TreeSet<T> values = new TreeSet<>(members.stream().map(value).toList());
    return new Range<>(values.first(), values.last());
  }

  private static double orZero(@Nullable Double value) {
    return value == null ? 0 : value;
  }
}
