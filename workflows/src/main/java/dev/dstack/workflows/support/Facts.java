package dev.dstack.workflows.support;

import dev.dstack.model.ids.FleetId;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.VolumeId;
import dev.dstack.workflows.view.TimelineEvent;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The lines of the timeline. */
public final class Facts {
  private Facts() {}

  public static TimelineEvent statusChanged(
      Instant at,
      String noun,
      Enum<?> from,
      Enum<?> to,
      @Nullable Enum<?> reason,
      TimelineEvent.Target... targets) {
    String text = noun + " status changed " + from.name() + " -> " + to.name();
    return fact(
        at, reason == null ? text : text + ". Termination reason: " + reason.name(), targets);
  }

  public static TimelineEvent fact(Instant at, String text, TimelineEvent.Target... targets) {
    return new TimelineEvent(at, Failures.cut(text), List.of(targets));
  }

  public static TimelineEvent.Target run(RunId id, String name) {
    return new TimelineEvent.Target("run", id.toString(), name);
  }

  public static TimelineEvent.Target job(JobId id, String name) {
    return new TimelineEvent.Target("job", id.toString(), name);
  }

  public static TimelineEvent.Target fleet(FleetId id, String name) {
    return new TimelineEvent.Target("fleet", id.toString(), name);
  }

  public static TimelineEvent.Target volume(VolumeId id, String name) {
    return new TimelineEvent.Target("volume", id.toString(), name);
  }

  public static TimelineEvent.Target instance(InstanceId id, String name) {
    return new TimelineEvent.Target("instance", id.toString(), name);
  }
}
