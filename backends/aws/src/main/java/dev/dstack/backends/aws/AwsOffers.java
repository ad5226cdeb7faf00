package dev.dstack.backends.aws;

import dev.dstack.backends.Catalog;
import dev.dstack.backends.aws.AwsReservations.Reservation;
import dev.dstack.model.offer.Availability;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Offers;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.Resources;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Catalog entries as offers of this account: its regions, quotas, zones and reservations. */
final class AwsOffers {
  private static final long GIB = 1024;

  /** The root volume can have any size between these. */
  private static final long DISK_MIN = 100 * GIB;

  private static final long DISK_MAX = 16 * 1024 * GIB;
  private static final Duration QUOTAS_KEPT = Duration.ofMinutes(10);

  /** Families whose machines are known to work with the standard images. */
  private static final Set<String> FAMILIES =
      Set.of(
          "c5", "c7i", "g4dn", "g5", "g6", "g6e", "g7e", "gr6", "m5", "m7i", "p3", "p3dn", "p4d",
          "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "r7i", "t3");

  private final BackendType type;
  private final AwsConfig config;
  private final AwsClients clients;
  private final AwsRegions regions;
  private final Supplier<List<Catalog.Entry>> catalog;
  private final Cached<String, Map<String, Double>> quotas;

  AwsOffers(
      BackendType type,
      AwsConfig config,
      AwsClients clients,
      AwsRegions regions,
      Supplier<List<Catalog.Entry>> catalog,
      InstantSource clock) {
    this.type = type;
    this.config = config;
    this.clients = clients;
    this.regions = regions;
    this.catalog = catalog;
    this.quotas = new Cached<>(clock, QUOTAS_KEPT, new AwsQuotas(clients)::of);
  }

  List<Offer> matching(Requirements wanted) {
    Set<String> wantedRegions = new HashSet<>();
    wanted.regions().forEach(region -> wantedRegions.add(region.toLowerCase(Locale.ROOT)));
    List<String> asked =
        regions.all().stream()
            .filter(region -> wantedRegions.isEmpty() || wantedRegions.contains(region))
            .toList();
    Map<String, Reservation> reserved = reserved(asked, wanted.reservation());
    if (wanted.reservation() != null) {
      asked = List.copyOf(reserved.keySet());
    }
    Map<String, List<Offer>> fitting = new HashMap<>();
    Set<String> in = Set.copyOf(asked);
    for (Catalog.Entry entry : catalog.get()) {
      if (in.contains(entry.region()) && isSupported(entry.instanceType())) {
        offer(entry, wanted, reserved.get(entry.region()))
            .ifPresent(
                offer ->
                    fitting.computeIfAbsent(entry.region(), _ -> new ArrayList<>()).add(offer));
      }
    }
    // Only regions with anything that could do are asked about, all of them at once.
    Map<String, List<Offer>> finished =
        Parallel.map(
            List.copyOf(fitting.keySet()),
            region -> finished(region, fitting.getOrDefault(region, List.of()), wanted));
    List<Offer> all = new ArrayList<>();
    finished.values().forEach(all::addAll);
    return Offers.matching(wanted, all);
  }

  private Map<String, Reservation> reserved(List<String> asked, @Nullable String id) {
    Map<String, Reservation> found = new HashMap<>();
    if (id != null) {
      Map<String, Optional<Reservation>> answers =
          Parallel.map(asked, region -> AwsReservations.find(clients.ec2(region), region, id));
      answers.forEach((region, one) -> one.ifPresent(value -> found.put(region, value)));
    }
    return found;
  }

  private boolean isSupported(String instanceType) {
    int dot = instanceType.indexOf('.');
    return (dot > 0 && FAMILIES.contains(instanceType.substring(0, dot)))
        || config.experimentalInstanceTypes().contains(instanceType);
  }

  /** Empty: it fits in no region and at no price. */
  private Optional<Offer> offer(
      Catalog.Entry entry, Requirements wanted, @Nullable Reservation reservation) {
    Resources has = entry.resources();
    if (wanted.reservation() != null
        && (reservation == null
            || has.spot()
            || !reservation.instanceType().equals(entry.instanceType()))) {
      return Optional.empty();
    }
    long disk = Math.max(DISK_MIN, roundUp(wanted.diskMibMin()));
    if (disk > DISK_MAX) {
      return Optional.empty();
    }
    Map<String, String> data = new HashMap<>(entry.data());
    List<String> zones = List.of();
    Availability availability = Availability.UNKNOWN;
    if (reservation != null) {
      data.put(Offer.RESERVATION, reservation.id());
      zones = List.of(reservation.zone());
      availability = reservation.free() > 0 ? Availability.AVAILABLE : Availability.NOT_AVAILABLE;
    }
    Offer offer =
        new Offer(
            type,
            entry.instanceType(),
            entry.region(),
            new Resources(has.arch(), has.cpus(), has.memoryMib(), disk, has.gpus(), has.spot()),
            entry.price(),
            availability,
            data,
            zones);
    return wanted.refusal(has(offer, wanted)).isEmpty() ? Optional.of(offer) : Optional.empty();
  }

  /** As if it were where it is wanted: its zones are looked up later. */
  private static Offer has(Offer offer, Requirements wanted) {
    return offer.zones().isEmpty() && !wanted.zones().isEmpty()
        ? offer.inZones(wanted.zones())
        : offer;
  }

  private List<Offer> finished(String region, List<Offer> offers, Requirements wanted) {
    Map<String, Double> known = quotas.get(region);
    Map<String, List<String>> zones =
        wanted.zones().isEmpty() ? Map.of() : regions.zonesOfTypes(region);
    List<Offer> finished = new ArrayList<>();
    for (Offer offer : offers) {
      Offer one = offer;
      if (one.reservation() == null) {
        OptionalDouble allowed = AwsQuotas.allowed(known, one.instanceType(), one.resources());
        if (allowed.isPresent() && allowed.getAsDouble() < one.resources().cpus()) {
          one = one.with(Availability.NO_QUOTA);
        }
        if (!wanted.zones().isEmpty()) {
          one = one.inZones(zones.getOrDefault(one.instanceType(), List.of()));
        }
      }
      finished.add(one);
    }
    return finished;
  }

  private static long roundUp(long mib) {
    return (mib + GIB - 1) / GIB * GIB;
  }
}
