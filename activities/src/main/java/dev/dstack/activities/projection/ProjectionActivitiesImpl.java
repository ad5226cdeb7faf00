package dev.dstack.activities.projection;

import dev.dstack.db.records.NewEvent;
import dev.dstack.db.views.ClaimRow;
import dev.dstack.db.views.FleetViewRow;
import dev.dstack.db.views.InstanceViewRow;
import dev.dstack.db.views.JobViewRow;
import dev.dstack.db.views.RunViewRow;
import dev.dstack.db.views.RunWhyRow;
import dev.dstack.db.views.ViewWriter;
import dev.dstack.db.views.VolumeViewRow;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.job.JobTerminationReason;
import dev.dstack.model.json.Json;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.Placement;
import dev.dstack.workflows.view.FleetView;
import dev.dstack.workflows.view.InstanceView;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.ProjectionActivities;
import dev.dstack.workflows.view.RunView;
import dev.dstack.workflows.view.TimelineEvent;
import dev.dstack.workflows.view.VolumeView;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/** Brings the shapes of the workflows into those of the database. */
public final class ProjectionActivitiesImpl implements ProjectionActivities {
  private final ViewWriter writer;
  private final Consumer<InstanceId> ended;

  /**
   * @param ended hears of each instance that is no more; may hear it several times
   */
  public ProjectionActivitiesImpl(ViewWriter writer, Consumer<InstanceId> ended) {
    this.writer = writer;
    this.ended = ended;
  }

  @Override
  public void projectRun(RunView view) {
    FleetRef fleet = view.fleet();
    writer.writeRun(
        new RunViewRow(
            view.id(),
            view.projectId(),
            view.revision(),
            view.status(),
            view.statusMessage(),
            view.reason() == null ? null : view.reason().wire(),
            view.error(),
            fleet == null ? null : new RunViewRow.Fleet(fleet.id(), fleet.project(), fleet.name()),
            view.at(),
            view.nextTriggeredAt(),
            view.priority(),
            view.deploymentNum()),
        view.why().stream()
            .map(
                why ->
                    new RunWhyRow(
                        why.replica(), why.submission(), Json.lenient().writeValueAsString(why)))
            .toList(),
        events("run", view.id().value(), view.revision(), view.projectId(), view.events()));
  }

  @Override
  public void projectJob(JobView view) {
    writer.writeJob(row(view), events(view));
  }

  @Override
  public void projectJobs(List<JobView> views) {
    writer.writeJobs(
        views.stream().map(view -> new ViewWriter.ShownJob(row(view), events(view))).toList());
  }

  @Override
  public void projectVolume(VolumeView view) {
    writer.writeVolume(
        new VolumeViewRow(
            view.id(),
            view.projectId(),
            view.name(),
            view.revision(),
            view.status(),
            view.statusMessage(),
            view.providerId(),
            view.sizeGb(),
            view.availabilityZone(),
            view.price(),
            Json.lenient().writeValueAsString(view.attachments()),
            view.createdAt(),
            view.at(),
            view.deletedAt()),
        view.deleteRefused(),
        events("volume", view.id().value(), view.revision(), view.projectId(), view.events()));
  }

  private static List<NewEvent> events(JobView view) {
    return events("job", view.id().value(), view.revision(), view.projectId(), view.events());
  }

  private static JobViewRow row(JobView view) {
    Placement placement = view.placement();
    return new JobViewRow(
        view.id(),
        view.run(),
        view.projectId(),
        view.replicaNum(),
        view.jobNum(),
        view.submissionNum(),
        view.jobName(),
        view.revision(),
        view.status(),
        view.statusMessage(),
        view.reason() == null ? null : view.reason().wire(),
        view.reasonMessage(),
        view.exitStatus(),
        placement == null ? null : placement.instance(),
        placement == null ? null : Json.lenient().writeValueAsString(placement),
        placement == null ? null : placement.price(),
        view.workingDir(),
        view.username(),
        view.submittedAt(),
        view.at(),
        view.runningAt(),
        view.finishedAt(),
        view.ports(),
        null,
        null,
        List.of());
  }

  /** The end of a job whose workflow can't show it any more. */
  public void endJob(JobId job, JobTerminationReason reason, String message, Instant at) {
    writer.endJob(job, reason.finalStatus(), reason.shown(null), reason.wire(), message, at);
  }

  @Override
  public void projectInstance(InstanceView view) {
    if (view.status().isFinal()) {
      ended.accept(view.id());
    }
    writer.writeInstance(
        new InstanceViewRow(
            view.id(),
            view.projectId(),
            view.fleetId(),
            view.fleetName(),
            view.number(),
            view.name(),
            view.revision(),
            view.status(),
            view.host(),
            view.reason() == null ? null : view.reason().wire(),
            view.reasonMessage(),
            Json.lenient().writeValueAsString(view.offer()),
            view.providerId(),
            view.hostname(),
            view.createdAt(),
            view.at(),
            view.finishedAt()),
        events("instance", view.id().value(), view.revision(), view.projectId(), view.events()));
  }

  @Override
  public void projectFleet(FleetView view) {
    writer.writeFleet(
        new FleetViewRow(
            view.id(),
            view.projectId(),
            view.name(),
            view.revision(),
            view.status(),
            view.statusMessage(),
            view.createdAt(),
            view.at()),
        view.claimed().stream()
            .map(
                claim ->
                    new ClaimRow(
                        claim.job(),
                        claim.instance(),
                        claim.blocks(),
                        claim.totalBlocks(),
                        Json.lenient().writeValueAsString(claim.taken())))
            .toList(),
        view.released().stream()
            .map(claim -> new ViewWriter.Released(claim.job(), claim.instance()))
            .toList(),
        events("fleet", view.id().value(), view.revision(), view.projectId(), view.events()));
  }

  private static List<NewEvent> events(
      String type, UUID id, long revision, ProjectId project, List<TimelineEvent> events) {
    List<NewEvent> rows = new ArrayList<>();
    for (TimelineEvent event : events) {
      rows.add(
          new NewEvent(
              event.at(),
              event.message(),
              null,
              event.targets().stream()
                  .map(
                      target ->
                          new NewEvent.Target(
                              target.type(), UUID.fromString(target.id()), target.name(), project))
                  .toList(),
              new NewEvent.Source(type, id, revision, rows.size())));
    }
    return rows;
  }
}
