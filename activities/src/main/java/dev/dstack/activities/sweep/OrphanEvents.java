package dev.dstack.activities.sweep;

import dev.dstack.db.Database;
import dev.dstack.db.records.Events;
import dev.dstack.db.records.NewEvent;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.workflows.sweep.Orphan;
import dev.dstack.workflows.sweep.SweepTarget;
import io.temporal.activity.Activity;
import java.time.InstantSource;
import java.util.List;
import java.util.UUID;

/** An event for the project and a count for whoever watches the server. */
public final class OrphanEvents implements SweepActivitiesImpl.OrphanLog {
  private static final UUID NONE = new UUID(0, 0);

  private final Database database;
  private final InstantSource clock;

  public OrphanEvents(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  @Override
  public void ended(SweepTarget target, Orphan orphan) {
    write(target, orphan);
    Activity.getExecutionContext().getMetricsScope().counter("dstack_orphans_ended").inc(1);
  }

  void write(SweepTarget target, Orphan orphan) {
    VolumeId volume = orphan.volume();
    InstanceId instance = orphan.instance();
    UUID id = volume != null ? volume.value() : instance != null ? instance.value() : NONE;
    NewEvent event =
        NewEvent.of(
            clock.instant(),
            (volume == null ? "Machine " : "Volume ")
                + orphan.providerId()
                + " in "
                + target.region()
                + " of "
                + target.backend()
                + " had no owner and was ended",
            null,
            new NewEvent.Target(
                volume == null ? "instance" : "volume", id, orphan.name(), target.project()));
    database.transaction(dsl -> Events.write(dsl, List.of(event)));
  }
}
