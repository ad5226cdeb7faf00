package dev.dstack.workflows.instance;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.error.ErrorType;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.instance.InstanceTerminationReason;
import dev.dstack.model.offer.BackendType;
import dev.dstack.workflows.instance.CloudActivities.HostNews;
import dev.dstack.workflows.instance.CloudActivities.MachineView;
import dev.dstack.workflows.instance.InstanceState.Phase;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Versions;
import dev.dstack.workflows.view.InstanceView;
import dev.dstack.workflows.view.TimelineEvent;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decides what an instance does next: state and event in, state and commands out. */
final class InstanceDecider {
  /** A cloud machine whose agent is silent for this long is given up; a host of ours stays. */
  static final Duration UNREACHABLE_DEADLINE = Duration.ofMinutes(20);

  /** A deadline this much too late says that no server was there, not that one was slow. */
  static final Duration ABSENCE = Duration.ofMinutes(2);

  /** Between attempts to restart a silent agent. */
  static final Duration REVIVE_EVERY = Duration.ofMinutes(1);

  /** About ten attempts of a termination. */
  static final Duration ESCALATE_AFTER = Duration.ofMinutes(30);

  static final Duration TERMINATE_AGAIN_AFTER = Duration.ofMinutes(10);

  record Decision(InstanceState state, List<InstanceCommand> commands) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  private final InstanceInput input;
  private final InstanceState.Draft instance;
  private final Instant now;
  private final int logic;
  private final List<InstanceCommand> commands = new ArrayList<>();
  private final List<TimelineEvent> facts = new ArrayList<>();
  private boolean visible;
  private @Nullable InstanceReport report;

  private InstanceDecider(InstanceInput input, InstanceState state, Instant now, int logic) {
    this.input = input;
    this.instance = new InstanceState.Draft(state);
    this.now = now;
    this.logic = logic;
  }

  static Decision decide(
      InstanceInput input, InstanceState state, InstanceEvent event, Instant now) {
    return decide(input, state, event, now, Versions.RETURN);
  }

  /**
   * @param logic the version of the workflow, see {@link Versions}
   */
  static Decision decide(
      InstanceInput input, InstanceState state, InstanceEvent event, Instant now, int logic) {
    InstanceDecider decider = new InstanceDecider(input, state, now, logic);
    if (state.phase() != Phase.GONE) {
      decider.on(event);
    }
    return decider.decision();
  }

  static @Nullable Instant deadline(InstanceState state) {
    return switch (state.phase()) {
      case TERMINATING -> earlier(state.reviveAt(), state.escalateAt());
      case UNREACHABLE -> earlier(state.reviveAt(), givenUpAt(state));
      case NEW, CREATING, WAITING_FOR_HOST, READY, GONE -> null;
    };
  }

  private static @Nullable Instant givenUpAt(InstanceState state) {
    BackendType backend = state.offer().backend();
    boolean ours = backend.equals(BackendType.LOCAL) || backend.equals(BackendType.SSH);
    return ours || state.unreachableSince() == null
        ? null
        : state.unreachableSince().plus(UNREACHABLE_DEADLINE);
  }

  private static @Nullable Instant earlier(@Nullable Instant a, @Nullable Instant b) {
    if (a == null || b == null) {
      return a == null ? b : a;
    }
    return a.isBefore(b) ? a : b;
  }

  private void on(InstanceEvent event) {
    switch (event) {
      case InstanceEvent.Begin _ -> begin();
      case InstanceEvent.Created(MachineView machine) -> created(machine);
      case InstanceEvent.HostUp(MachineView machine) -> hostUp(machine);
      case InstanceEvent.ProvisioningFailed(ErrorKind kind, String message) ->
          provisioningFailed(kind, message);
      case InstanceEvent.ProvisioningCanceled _ -> {
        if (provisioning()) {
          terminate();
        }
      }
      case InstanceEvent.HostChanged(HostNews news) -> hostChanged(news);
      case InstanceEvent.WatchFailed(String message) -> watchFailed(message);
      case InstanceEvent.Revived(boolean succeeded, String message) -> revived(succeeded, message);
      case InstanceEvent.TerminationAsked(InstanceTermination termination) ->
          terminationAsked(termination);
      case InstanceEvent.Terminated _ -> terminated();
      case InstanceEvent.TerminationFailed(String message) -> terminationFailed(message);
      case InstanceEvent.Tick(Instant at) -> tick(at);
    }
  }

  private boolean provisioning() {
    return instance.phase == Phase.CREATING || instance.phase == Phase.WAITING_FOR_HOST;
  }

  private void begin() {
    switch (instance.phase) {
      case NEW -> {
        instance.phase = Phase.CREATING;
        // The intent is shown, with the tag in it, before anything that costs money exists.
        to(InstanceStatus.PROVISIONING, null);
        commands.add(new InstanceCommand.Create());
      }
      case READY -> commands.add(new InstanceCommand.WatchHost(true));
      case UNREACHABLE -> {
        commands.add(new InstanceCommand.WatchHost(false));
        commands.add(new InstanceCommand.Revive());
      }
      case TERMINATING -> commands.add(new InstanceCommand.Terminate());
      case CREATING -> commands.add(new InstanceCommand.Create());
      case WAITING_FOR_HOST -> commands.add(new InstanceCommand.AwaitHost());
      case GONE -> {
        // Nothing more happens.
      }
    }
  }

  private void created(MachineView machine) {
    if (instance.phase != Phase.CREATING) {
      return;
    }
    accept(machine);
    if (instance.termination != null) {
      terminate();
      return;
    }
    instance.phase = Phase.WAITING_FOR_HOST;
    commands.add(new InstanceCommand.AwaitHost());
  }

  private void hostUp(MachineView machine) {
    if (instance.phase != Phase.WAITING_FOR_HOST) {
      return;
    }
    accept(machine);
    if (instance.termination != null) {
      terminate();
      return;
    }
    instance.phase = Phase.READY;
    instance.host = HostState.HEALTHY;
    to(InstanceStatus.IDLE, null);
    report = ready();
    commands.add(new InstanceCommand.WatchHost(true));
  }

  private void accept(MachineView machine) {
    instance.offer = machine.offer();
    instance.providerId = machine.providerId();
    instance.hostname = machine.hostname();
    instance.internalIp = machine.internalIp();
  }

  private void provisioningFailed(ErrorKind kind, String message) {
    if (!provisioning()) {
      return;
    }
    if (instance.termination == null) {
      InstanceTerminationReason reason =
          kind.type() == ErrorType.CAPACITY
              ? InstanceTerminationReason.NO_OFFERS
              : instance.phase == Phase.WAITING_FOR_HOST
                  ? InstanceTerminationReason.PROVISIONING_TIMEOUT
                  : InstanceTerminationReason.ERROR;
      instance.failure = kind;
      instance.termination = new InstanceTermination(reason, Failures.cut(message));
    }
    terminate();
  }

  private void hostChanged(HostNews news) {
    if (news.isGone() && (instance.phase == Phase.READY || instance.phase == Phase.UNREACHABLE)) {
      gone(news.message());
      return;
    }
    switch (instance.phase) {
      case READY -> {
        if (news.reachable()) {
          health(news);
          commands.add(new InstanceCommand.WatchHost(true));
        } else {
          unreachable(news.message());
          commands.add(new InstanceCommand.WatchHost(false));
        }
      }
      case UNREACHABLE -> {
        if (news.reachable()) {
          instance.phase = Phase.READY;
          instance.host = HostState.HEALTHY;
          instance.unreachableSince = null;
          instance.reviveAt = null;
          fact("Instance became reachable");
          report = ready();
        }
        commands.add(new InstanceCommand.WatchHost(news.reachable()));
      }
      case NEW, CREATING, WAITING_FOR_HOST, TERMINATING, GONE -> {
        // The last words of a watch that has been called off.
      }
    }
  }

  private InstanceReport ready() {
    return new InstanceReport.Ready(
        input.id(), seq(), instance.offer, instance.hostname, instance.internalIp, instance.unfit);
  }

  /** What runs there goes on, whoever is right about it; new jobs are better off elsewhere. */
  private void health(HostNews news) {
    Boolean fit = news.fit();
    if (fit == null || fit == (instance.unfit == null)) {
      return;
    }
    instance.unfit = fit ? null : Failures.cut(news.message());
    report = ready();
  }

  /** Not silent but no more, such as a spot machine that was taken back: nothing to wait for. */
  private void gone(String message) {
    fact("Instance is gone: " + message);
    if (instance.termination == null) {
      instance.termination =
          new InstanceTermination(
              InstanceTerminationReason.UNREACHABLE,
              Failures.cut("the machine is gone: " + message));
    }
    terminate();
  }

  private void unreachable(String message) {
    instance.phase = Phase.UNREACHABLE;
    instance.host = HostState.UNREACHABLE;
    instance.unreachableSince = now;
    fact("Instance became unreachable: " + message);
    report = new InstanceReport.Unreachable(input.id(), seq(), Failures.cut(message));
    commands.add(new InstanceCommand.Revive());
  }

  /** A watch that can't even be carried out is begun again with the next attempt to revive. */
  private void watchFailed(String message) {
    instance.watchBroken = instance.phase == Phase.READY || instance.phase == Phase.UNREACHABLE;
    if (instance.phase == Phase.READY) {
      unreachable(message);
    }
  }

  private void revived(boolean succeeded, String message) {
    if (instance.phase != Phase.UNREACHABLE) {
      return;
    }
    instance.reviveAt = now.plus(REVIVE_EVERY);
    if (!succeeded) {
      fact("Instance could not be brought back: " + message);
    }
  }

  private void terminationAsked(InstanceTermination termination) {
    if (termination.forgets() && instance.phase == Phase.TERMINATING) {
      instance.termination = termination;
      instance.failure = null;
      fact(termination.message());
      terminated();
      return;
    }
    if (instance.termination != null) {
      return;
    }
    instance.termination = termination;
    if (provisioning()) {
      // What is under way ends first: its effect must not come after the undo.
      commands.add(new InstanceCommand.CancelProvisioning());
    } else if (instance.phase == Phase.READY || instance.phase == Phase.UNREACHABLE) {
      terminate();
    }
  }

  private void terminate() {
    if (instance.phase == Phase.READY || instance.phase == Phase.UNREACHABLE) {
      commands.add(new InstanceCommand.CancelWatch());
    }
    instance.phase = Phase.TERMINATING;
    instance.escalateAt = now.plus(ESCALATE_AFTER);
    instance.reviveAt = null;
    InstanceTermination why = instance.termination;
    to(InstanceStatus.TERMINATING, why == null ? null : why.reason());
    if (why != null && why.forgets()) {
      fact(why.message());
      terminated();
    } else {
      commands.add(new InstanceCommand.Terminate());
    }
  }

  private void terminated() {
    if (instance.phase != Phase.TERMINATING) {
      return;
    }
    instance.phase = Phase.GONE;
    instance.finishedAt = now;
    instance.host = HostState.UNKNOWN;
    to(InstanceStatus.TERMINATED, null);
    InstanceTermination why = instance.termination;
    if (instance.failure != null && why != null) {
      report = new InstanceReport.Failed(input.id(), seq(), instance.failure, why.message());
    } else {
      InstanceTerminationReason reason =
          why == null ? InstanceTerminationReason.ERROR : why.reason();
      report = new InstanceReport.Gone(input.id(), seq(), reason);
    }
  }

  /** Refused for good, as by revoked credentials: say so, and try again for ever. */
  private void terminationFailed(String message) {
    if (instance.phase == Phase.TERMINATING) {
      fact("Instance could not be terminated: " + message);
      instance.reviveAt = now.plus(TERMINATE_AGAIN_AFTER);
    }
  }

  private void tick(Instant at) {
    switch (instance.phase) {
      case UNREACHABLE -> {
        if (logic >= Versions.RETURN) {
          leaveAbsenceOut(at);
        }
        Instant giveUp = givenUpAt(instance.freeze());
        if (giveUp != null && !at.isBefore(giveUp)) {
          instance.termination =
              new InstanceTermination(
                  InstanceTerminationReason.UNREACHABLE,
                  "the agent has not answered for " + UNREACHABLE_DEADLINE.toMinutes() + " min");
          terminate();
        } else if (instance.reviveAt != null && !at.isBefore(instance.reviveAt)) {
          instance.reviveAt = null;
          commands.add(new InstanceCommand.Revive());
          if (instance.watchBroken) {
            instance.watchBroken = false;
            commands.add(new InstanceCommand.WatchHost(false));
          }
        }
      }
      case TERMINATING -> {
        if (instance.reviveAt != null && !at.isBefore(instance.reviveAt)) {
          instance.reviveAt = null;
          commands.add(new InstanceCommand.Terminate());
        }
        if (instance.escalateAt != null && !at.isBefore(instance.escalateAt)) {
          instance.escalateAt = null;
          fact(
              "Instance termination has not succeeded for "
                  + ESCALATE_AFTER.toMinutes()
                  + " min and goes on; the machine may still cost money");
        }
      }
      case NEW, CREATING, WAITING_FOR_HOST, READY, GONE -> {
        // A deadline of an earlier phase.
      }
    }
  }

  /** An agent that nobody asked was not silent. */
  private void leaveAbsenceOut(Instant at) {
    Instant due = deadline(instance.freeze());
    if (due == null || instance.unreachableSince == null) {
      return;
    }
    Duration late = Duration.between(due, at);
    if (late.compareTo(ABSENCE) >= 0) {
      instance.unreachableSince = instance.unreachableSince.plus(late);
      fact("Nobody looked after the instance for " + late.toMinutes() + " min");
    }
  }

  private long seq() {
    return ++instance.reportSeq;
  }

  private void to(InstanceStatus next, @Nullable InstanceTerminationReason reason) {
    if (!instance.status.canBecome(next)) {
      throw new IllegalStateException("instance can't go from " + instance.status + " to " + next);
    }
    facts.add(
        Facts.statusChanged(
            now,
            "Instance",
            instance.status,
            next,
            reason,
            Facts.instance(input.id(), input.name())));
    instance.status = next;
    visible = true;
  }

  private void fact(String text) {
    facts.add(Facts.fact(now, text, Facts.instance(input.id(), input.name())));
    visible = true;
  }

  /** What is shown is written before anything else is done: the intent before the machine. */
  private Decision decision() {
    List<InstanceCommand> all = new ArrayList<>();
    if (visible) {
      instance.revision++;
      all.add(new InstanceCommand.Show(view()));
    }
    if (report != null) {
      all.add(new InstanceCommand.Tell(report));
    }
    all.addAll(commands);
    return new Decision(instance.freeze(), all);
  }

  private InstanceView view() {
    InstanceTermination why = instance.termination;
    return new InstanceView(
        input.id(),
        input.projectId(),
        input.fleetId(),
        input.fleetName(),
        input.number(),
        input.name(),
        instance.revision,
        instance.status,
        instance.host,
        why == null ? null : why.reason(),
        why == null || why.message().isEmpty() ? null : why.message(),
        instance.offer,
        instance.providerId,
        instance.hostname,
        input.createdAt(),
        now,
        instance.finishedAt,
        facts);
  }
}
