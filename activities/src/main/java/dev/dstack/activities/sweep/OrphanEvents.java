package dev.dstack.activities.sweep;

import dev.dstack.db.Database;
import dev.dstack.db.records.Events;
import dev.dstack.db.records.NewEvent;
import dev.dstack.workflows.sweep.Orphan;
import dev.dstack.workflows.sweep.SweepTarget;
import io.temporal.activity.Activity;
import java.time.InstantSource;
import java.util.List;

/** An event for the project and a count for whoever watches the server. */
public final class OrphanEvents implements SweepActivitiesImpl.OrphanLog {
  private final Database database;
  private final InstantSource clock;

  public OrphanEvents(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  @Override
  public void ended(SweepTarget target, Orphan orphan) {
    NewEvent event =
        NewEvent.of(
            clock.instant(),
            "Machine "
                + orphan.providerId()
                + " in "
                + target.region()
                + " of "
                + target.backend()
                + " had no owner and was ended",
            null,
            new NewEvent.Target(
                "instance", orphan.instance().value(), orphan.name(), target.project()));
    database.transaction(dsl -> Events.write(dsl, List.of(event)));
    Activity.getExecutionContext().getMetricsScope().counter("dstack_orphans_ended").inc(1);
  }
}
