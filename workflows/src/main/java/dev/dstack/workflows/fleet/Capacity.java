package dev.dstack.workflows.fleet;

import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.Resources;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What of one instance is taken, and whether a job still fits. */
public final class Capacity {
  /**
   * What a job would get.
   *
   * @param gpus which accelerators, by their place in the offer
   */
  public record Share(Resources taken, int blocks, int totalBlocks, List<Integer> gpus) {
    public Share {
      gpus = List.copyOf(gpus);
    }
  }

  /** Either a share, or why there is none. */
  public sealed interface Fit {
    record Fits(Share share) implements Fit {}

    record No(String why) implements Fit {}
  }

  private final Sharing sharing;
  private final Offer offer;
  private final List<Share> claims = new ArrayList<>();

  /** Remembered: a long queue asks for it many times between two claims. */
  private @Nullable Resources free;

  public Capacity(Sharing sharing, Offer offer) {
    this.sharing = sharing.of(offer.resources());
    this.offer = offer;
  }

  Offer offer() {
    return offer;
  }

  boolean idle() {
    return claims.isEmpty();
  }

  public void take(Share share) {
    claims.add(share);
    free = null;
  }

  void give(Share share) {
    claims.remove(share);
    free = null;
  }

  /** A share with accelerators that nobody has, the first ones of the wanted kind. */
  Share share(Resources taken, int blocks, int total) {
    List<Gpu> all = offer.resources().gpus();
    Set<Integer> used = new HashSet<>();
    claims.forEach(claim -> used.addAll(claim.gpus()));
    List<Integer> chosen = new ArrayList<>();
    for (Gpu wanted : taken.gpus()) {
      for (int i = 0; i < all.size(); i++) {
        if (all.get(i).equals(wanted) && used.add(i)) {
          chosen.add(i);
          break;
        }
      }
    }
    return new Share(taken, blocks, total, chosen);
  }

  public int totalBlocks() {
    return sharing instanceof Sharing.Blocks(int total) ? total : 1;
  }

  int busyBlocks() {
    int busy = claims.stream().mapToInt(Share::blocks).sum();
    return Math.min(busy, totalBlocks());
  }

  double usedCpus() {
    return claims.stream().mapToDouble(claim -> claim.taken().cpus()).sum();
  }

  /**
   * @param wholly nodes of one gang take their instance entirely
   */
  public Fit fit(Requirements wanted, boolean wholly) {
    return switch (sharing) {
      case Sharing.Whole _ -> fitWhole(wanted);
      case Sharing.Blocks(int total) -> fitBlocks(wanted, total, wholly);
      case Sharing.ByRequest _ -> wholly ? fitWhole(wanted) : fitByRequest(wanted);
      case Sharing.AutoBlocks _ -> throw new IllegalStateException("a number of blocks is known");
    };
  }

  private Fit fitWhole(Requirements wanted) {
    Optional<String> refusal = wanted.refusal(offer);
    if (refusal.isPresent()) {
      return new Fit.No(refusal.get());
    }
    return idle() ? new Fit.Fits(share(offer.resources(), 1, 1)) : new Fit.No("is busy");
  }

  private Fit fitBlocks(Requirements wanted, int total, boolean wholly) {
    int free = total - claims.stream().mapToInt(Share::blocks).sum();
    String why = "all " + total + " blocks are busy";
    for (int blocks = wholly ? total : 1; blocks <= total; blocks++) {
      Resources share = share(blocks, total);
      Optional<String> refusal = wanted.refusal(offer.with(share));
      if (refusal.isEmpty()) {
        return blocks <= free
            ? new Fit.Fits(share(share, blocks, total))
            : new Fit.No(free + " of " + total + " blocks are free, " + blocks + " are needed");
      }
      why = refusal.get();
    }
    return new Fit.No(why);
  }

  /** Equal parts of everything but the disk, which is shared. */
  private Resources share(int blocks, int total) {
    Resources all = offer.resources();
    return new Resources(
        all.arch(),
        all.cpus() * blocks / total,
        all.memoryMib() * blocks / total,
        all.diskMib(),
        all.gpus().subList(0, all.gpus().size() * blocks / total),
        all.spot());
  }

  /** The upper bounds of a request are about what it gets, which is the least it asked for. */
  private Fit fitByRequest(Requirements wanted) {
    Resources free = free();
    Resources taken = wanted.taken(free);
    Optional<String> refusal = wanted.refusal(offer.with(taken));
    if (refusal.isPresent()) {
      return new Fit.No(refusal.get());
    }
    if (taken.cpus() > free.cpus()) {
      return new Fit.No(lacks("cpus", number(free.cpus()), number(taken.cpus())));
    }
    if (taken.memoryMib() > free.memoryMib()) {
      return new Fit.No(lacks("memory", mib(free.memoryMib()), mib(taken.memoryMib())));
    }
    if (taken.diskMib() > free.diskMib()) {
      return new Fit.No(lacks("disk", mib(free.diskMib()), mib(taken.diskMib())));
    }
    return new Fit.Fits(share(taken, 1, 1));
  }

  private static String lacks(String what, String free, String asked) {
    return what + ": " + free + " free, asked " + asked;
  }

  private static String number(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }

  private static String mib(long value) {
    return number(Math.round(value / 102.4) / 10.0) + "GB";
  }

  /** What nobody has claimed; only claims by request leave a part of everything. */
  Resources free() {
    Resources known = free;
    if (known == null) {
      known = unclaimed();
      free = known;
    }
    return known;
  }

  private Resources unclaimed() {
    Resources all = offer.resources();
    double cpus = all.cpus();
    long memory = all.memoryMib();
    long disk = all.diskMib();
    List<Gpu> gpus = new ArrayList<>(all.gpus());
    for (Share claim : claims) {
      cpus -= claim.taken().cpus();
      memory -= claim.taken().memoryMib();
      disk -= claim.taken().diskMib();
      claim.taken().gpus().forEach(gpus::remove);
    }
    return new Resources(
        all.arch(), Math.max(0, cpus), Math.max(0, memory), Math.max(0, disk), gpus, all.spot());
  }
}
