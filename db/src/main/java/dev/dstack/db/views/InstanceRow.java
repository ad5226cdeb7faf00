package dev.dstack.db.views;

import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.instance.InstanceStatus;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An instance with who has what of it.
 *
 * @param project the project's name
 * @param fleetPlanJson the plan of its fleet's workflow, which says how it is divided
 * @param health what was said last of its accelerators; healthy where nobody looks after them
 */
public record InstanceRow(
    InstanceViewRow view,
    @Nullable String project,
    List<ClaimRow> claims,
    @Nullable String fleetPlanJson,
    HostHealth.Level health) {
  public InstanceRow {
    claims = List.copyOf(claims);
  }

  /** A ready machine is busy while anybody has a part of it. */
  public InstanceStatus status() {
    boolean ready = view.status() == InstanceStatus.IDLE || view.status() == InstanceStatus.BUSY;
    if (!ready) {
      return view.status();
    }
    return claims.isEmpty() ? InstanceStatus.IDLE : InstanceStatus.BUSY;
  }

  public int busyBlocks() {
    return claims.stream().mapToInt(ClaimRow::blocks).sum();
  }

  public int totalBlocks() {
    return claims.stream().mapToInt(ClaimRow::totalBlocks).max().orElse(1);
  }
}
