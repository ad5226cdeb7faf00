package dev.dstack.workflows.fleet;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.fleet.Sharing;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Requirements;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a fleet's configuration means to its workflow.
 *
 * @param backend the first of its backends; {@link BackendType#SSH} for one of hosts
 * @param nodesMax absent: no limit but the one asserted in code
 * @param requirements what its own machines must satisfy
 * @param idleDuration absent: idle machines above {@code nodesMin} are kept
 * @param near its machines are near each other: one is made first, the others where it is
 * @param otherBackends where machines may come from besides {@code backend}
 * @param hosts of an SSH fleet; such a fleet makes no machines
 */
public record FleetPlan(
    BackendType backend,
    int nodesMin,
    int nodesTarget,
    @Nullable Integer nodesMax,
    Requirements requirements,
    Sharing sharing,
    @Nullable Duration idleDuration,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Boolean near,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<BackendType> otherBackends,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<Host> hosts) {
  public FleetPlan {
    // Older histories do not have these.
    near = Boolean.TRUE.equals(near) ? near : null;
    otherBackends = otherBackends == null ? List.of() : List.copyOf(otherBackends);
    hosts = hosts == null ? List.of() : List.copyOf(hosts);
  }

  /** Of one backend, without a wish for nearness. */
  public FleetPlan(
      BackendType backend,
      int nodesMin,
      int nodesTarget,
      @Nullable Integer nodesMax,
      Requirements requirements,
      Sharing sharing,
      @Nullable Duration idleDuration) {
    this(
        backend,
        nodesMin,
        nodesTarget,
        nodesMax,
        requirements,
        sharing,
        idleDuration,
        false,
        List.of(),
        List.of());
  }

  /** Whether its machines are to be near each other. */
  public boolean cluster() {
    return near != null && near;
  }

  /**
   * A host of an SSH fleet; nothing secret.
   *
   * @param number of the instance, for as long as the fleet has the host
   * @param blocks absent: as the fleet; 0: as many as possible
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Host(
      int number,
      String hostname,
      int port,
      String user,
      @Nullable String internalIp,
      @Nullable Integer blocks) {}

  /** Hosts of one's own, which no cloud makes or takes away. */
  public boolean ofHosts() {
    return backend.equals(BackendType.SSH);
  }

  public Optional<Host> host(int number) {
    return hosts.stream().filter(host -> host.number() == number).findFirst();
  }

  /** How the instance of this number is divided. */
  public Sharing sharing(int number) {
    Integer own = host(number).map(Host::blocks).orElse(null);
    if (own == null) {
      return sharing;
    }
    return switch (own) {
      case 0 -> new Sharing.AutoBlocks();
      case 1 -> new Sharing.Whole();
      default -> new Sharing.Blocks(own);
    };
  }
}
