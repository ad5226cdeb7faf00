package dev.dstack.workflows.support;

import dev.dstack.workflows.view.FleetView;
import dev.dstack.workflows.view.InstanceView;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.ProjectionActivities;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.view.VolumeView;
import io.temporal.workflow.Workflow;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;

/**
 * Writes what is shown. A local activity costs one event; while the database is away the workflow
 * waits in a normal activity instead, which costs six however long it takes.
 */
public final class Projections {
  private Projections() {}

  public static void write(RunView view) {
    write("run " + lower(view.status()), view, ProjectionActivities::projectRun);
  }

  public static void write(JobView view) {
    write("job " + lower(view.status()), view, ProjectionActivities::projectJob);
  }

  public static void write(List<JobView> views) {
    String shown = views.size() + " jobs " + lower(views.getFirst().status());
    write(shown, views, ProjectionActivities::projectJobs);
  }

  public static void write(InstanceView view) {
    write("instance " + lower(view.status()), view, ProjectionActivities::projectInstance);
  }

  public static void write(FleetView view) {
    String claims = "+" + view.claimed().size() + " -" + view.released().size() + " claims";
    write(
        "fleet " + lower(view.status()) + ", " + claims, view, ProjectionActivities::projectFleet);
  }

  public static void write(VolumeView view) {
    String shown = view.deletedAt() == null ? lower(view.status()) : "deleted";
    write("volume " + shown, view, ProjectionActivities::projectVolume);
  }

  private static <V> void write(
      String shown, V view, BiConsumer<ProjectionActivities, V> projection) {
    String summary = "show " + shown;
    Fallback.run(
        () ->
            projection.accept(
                Workflow.newLocalActivityStub(ProjectionActivities.class, Options.local(summary)),
                view),
        () ->
            projection.accept(
                Workflow.newActivityStub(
                    ProjectionActivities.class, Options.of(Options.Call.LOCAL_FALLBACK, summary)),
                view));
  }

  private static String lower(Enum<?> status) {
    return status.name().toLowerCase(Locale.ROOT);
  }
}
