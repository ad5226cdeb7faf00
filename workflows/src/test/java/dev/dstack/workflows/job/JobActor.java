package dev.dstack.workflows.job;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.WorkflowIds;
import dev.dstack.workflows.simulation.Actor;
import dev.dstack.workflows.view.JobView;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The real decider of a job; its commands go to the simulated world. */
public final class JobActor implements Actor {
  /** Where commands go. */
  public interface World {
    void attachVolumes(JobActor from);

    void cancelAttach(JobActor from);

    void submit(JobActor from);

    void cancelSubmit(JobActor from);

    void watch(JobActor from, long sinceSeq);

    void cancelWatch(JobActor from);

    void askAgentToStop(JobActor from, Duration grace);

    void cleanUp(JobActor from);

    void tell(JobActor from, JobReport report);

    void shown(JobView view);
  }

  private final JobInput input;
  private final World world;
  private JobState state = JobState.initial();

  public JobActor(JobInput input, World world) {
    this.input = input;
    this.world = world;
  }

  @Override
  public String id() {
    return WorkflowIds.job(input.run(), input.replicaNum(), input.jobNum(), input.submissionNum());
  }

  public JobInput input() {
    return input;
  }

  @Override
  public @Nullable Instant deadline() {
    return state.deadline();
  }

  @Override
  public void tick(Instant deadline, Instant now) {
    feed(new JobEvent.Tick(deadline), deadline);
  }

  @Override
  public boolean closed() {
    return state.phase() == JobState.Phase.ENDED;
  }

  public void begin(Instant now) {
    feed(new JobEvent.Begin(), now);
  }

  public void attached(Instant now) {
    feed(new JobEvent.Attached(), now);
  }

  public void attachFailed(Instant now) {
    feed(new JobEvent.AttachFailed("not to be had"), now);
  }

  public void news(TaskNews news, Instant now) {
    feed(new JobEvent.News(news), now);
  }

  public void submitFailed(ErrorKind kind, Instant now) {
    feed(new JobEvent.SubmitFailed(kind, "the call failed"), now);
  }

  public void submitCanceled(Instant now) {
    feed(new JobEvent.SubmitCanceled(), now);
  }

  public void watchFailed(Instant now) {
    feed(new JobEvent.WatchFailed("the call failed"), now);
  }

  public void stop(JobStop stop, Instant now) {
    feed(new JobEvent.StopAsked(stop), now);
  }

  public void cleaned(List<String> problems, Instant now) {
    feed(new JobEvent.Cleaned(problems), now);
  }

  private void feed(JobEvent event, Instant now) {
    if (closed()) {
      return;
    }
    JobDecider.Decision decision = JobDecider.decide(input, state, event, now);
    state = decision.state();
    for (JobCommand command : decision.commands()) {
      switch (command) {
        case JobCommand.AttachVolumes _ -> world.attachVolumes(this);
        case JobCommand.CancelAttach _ -> world.cancelAttach(this);
        case JobCommand.Submit _ -> world.submit(this);
        case JobCommand.CancelSubmit _ -> world.cancelSubmit(this);
        case JobCommand.Watch(long sinceSeq) -> world.watch(this, sinceSeq);
        case JobCommand.CancelWatch _ -> world.cancelWatch(this);
        case JobCommand.AskAgentToStop ask -> world.askAgentToStop(this, ask.grace());
        case JobCommand.CleanUp _ -> world.cleanUp(this);
        case JobCommand.Show(JobView view) -> world.shown(view);
        case JobCommand.Tell(JobReport report) -> world.tell(this, report);
      }
    }
  }
}
