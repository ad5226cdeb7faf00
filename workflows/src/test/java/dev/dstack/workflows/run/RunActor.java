package dev.dstack.workflows.run;

import dev.dstack.model.config.Cron;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.ReleaseRequest;
import dev.dstack.workflows.fleet.ReserveRequest;
import dev.dstack.workflows.job.JobInput;
import dev.dstack.workflows.job.JobReport;
import dev.dstack.workflows.job.JobStop;
import dev.dstack.workflows.simulation.Actor;
import dev.dstack.workflows.view.JobView;
import dev.dstack.workflows.view.RunView;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The real decider of a run; its commands go to the simulated world. */
public final class RunActor implements Actor {
  /** Where commands go. */
  public interface World {
    /** False: there is no such fleet. */
    boolean ask(RunActor from, FleetRef fleet, ReserveRequest request);

    void startJob(RunActor from, JobInput job);

    void stopJob(RunActor from, String jobWorkflowId, JobStop stop);

    void release(RunActor from, FleetRef fleet, ReleaseRequest request);

    void noSuchFleet(RunActor from, String requestId, FleetRef fleet);

    void shown(JobView view);

    void shown(RunView view);
  }

  private final RunInput input;
  private final World world;
  private RunState state;

  public RunActor(RunInput input, World world) {
    this.input = input;
    this.world = world;
    this.state = RunState.initial(input);
  }

  @Override
  public String id() {
    return WorkflowIds.run(input.project(), input.runName());
  }

  public RunId run() {
    return input.id();
  }

  public RunStatus status() {
    return state.status();
  }

  @Override
  public @Nullable Instant deadline() {
    return RunDecider.deadline(state);
  }

  @Override
  public void tick(Instant deadline, Instant now) {
    feed(new RunEvent.Tick(deadline), deadline);
  }

  @Override
  public boolean closed() {
    return state.status().isFinal();
  }

  public void begin(Instant now) {
    feed(new RunEvent.Begin(), now);
  }

  public void answered(FleetAnswer answer, Instant now) {
    feed(new RunEvent.Answered(answer), now);
  }

  public void noSuchFleet(String requestId, FleetRef fleet, Instant now) {
    feed(new RunEvent.NoSuchFleet(requestId, fleet), now);
  }

  public void reported(JobReport report, Instant now) {
    feed(new RunEvent.Reported(report), now);
  }

  public void jobClosed(JobId job, Instant now) {
    feed(new RunEvent.JobClosed(job), now);
  }

  public void stop(boolean abort, Instant now) {
    feed(new RunEvent.StopAsked(new RunStop(input.id(), abort, "ann")), now);
  }

  public void update(int priority, Instant now) {
    feed(new RunEvent.Updated(new RunUpdate(input.id(), priority, 1)), now);
  }

  private void feed(RunEvent event, Instant now) {
    if (closed()) {
      return;
    }
    RunDecider.Decision decision = RunDecider.decide(input, state, event, now, Cron::nextAfter);
    state = decision.state();
    for (RunCommand command : decision.commands()) {
      switch (command) {
        case RunCommand.Ask(FleetRef fleet, ReserveRequest request) -> {
          if (!world.ask(this, fleet, request)) {
            world.noSuchFleet(this, request.requestId(), fleet);
          }
        }
        case RunCommand.StartJob(JobInput job) -> world.startJob(this, job);
        case RunCommand.StopJob(String jobWorkflowId, JobStop stop) ->
            world.stopJob(this, jobWorkflowId, stop);
        case RunCommand.ShowJob(JobView view) -> world.shown(view);
        case RunCommand.ShowJobs(List<JobView> views) -> views.forEach(world::shown);
        case RunCommand.Show(RunView view) -> world.shown(view);
        case RunCommand.Release(FleetRef fleet, ReleaseRequest request) ->
            world.release(this, fleet, request);
      }
    }
  }
}
