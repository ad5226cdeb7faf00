package dev.dstack.activities.cloud;

import dev.dstack.activities.Failures;
import dev.dstack.activities.agent.AgentDirectory;
import dev.dstack.backends.AgentAddress;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.backends.InstanceTag;
import dev.dstack.backends.Machine;
import dev.dstack.backends.MachineSpec;
import dev.dstack.backends.WithOwnAgents;
import dev.dstack.db.records.InstanceMachine;
import dev.dstack.db.records.InstanceMachines;
import dev.dstack.model.agent.HostInfo;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.json.Json;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import dev.dstack.workflows.instance.CloudActivities;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls backends and writes down how to reach what they made. */
public final class CloudActivitiesImpl implements CloudActivities {
  private static final Logger log = LoggerFactory.getLogger(CloudActivitiesImpl.class);

  private static final Duration WATCH_INTERVAL = Duration.ofSeconds(5);

  /** An agent is called silent after so many calls in a row, this far apart. */
  private static final int SILENT_AFTER = 4;

  private static final Duration SILENT_INTERVAL = Duration.ofMillis(500);

  private final BackendRegistry backends;
  private final InstanceMachines machines;
  private final AgentDirectory agents;
  private final String deployment;

  public CloudActivitiesImpl(
      BackendRegistry backends,
      InstanceMachines machines,
      AgentDirectory agents,
      String deployment) {
    this.backends = backends;
    this.machines = machines;
    this.agents = agents;
    this.deployment = deployment;
  }

  @Override
  public List<Offer> offers(ProjectId project, BackendType backend, Requirements requirements) {
    try {
      return backends.backend(project, backend).offers(requirements);
    } catch (DstackException e) {
      throw Failures.of(e);
    }
  }

  @Override
  public MachineView ensureMachine(MachineOrder order) {
    try {
      Machine machine =
          backend(order)
              .ensure(
                  new MachineSpec(
                      tag(order), order.instanceName(), order.project(), order.offer()));
      return keep(order, machine);
    } catch (DstackException e) {
      throw Failures.of(e);
    }
  }

  @Override
  public MachineView awaitHost(MachineOrder order) {
    try {
      Machine machine =
          backend(order)
              .find(tag(order))
              .orElseThrow(
                  () ->
                      new DstackException(
                          ErrorKind.HOST_LOST,
                          "Instance "
                              + order.instanceName()
                              + " has disappeared from its provider"));
      MachineView view = keep(order, machine);
      HostInfo info = agents.agent(order.instance()).info();
      log.info("instance {}: host {} answers", order.instanceName(), info.hostname());
      return view;
    } catch (DstackException e) {
      agents.forget(order.instance());
      if (e.kind() == ErrorKind.AGENT_UNREACHABLE) {
        throw Failures.of(ErrorKind.NOT_READY, String.valueOf(e.getMessage()));
      }
      throw Failures.of(e);
    }
  }

  @Override
  public HostNews watchHost(MachineOrder order, boolean reachable) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    int silent = 0;
    while (true) {
      context.heartbeat(silent);
      String silence = "";
      try {
        agents.agent(order.instance()).info();
        silent = 0;
      } catch (DstackException e) {
        agents.forget(order.instance());
        boolean lost = e.kind() == ErrorKind.HOST_LOST;
        if (!lost && e.kind() != ErrorKind.AGENT_UNREACHABLE) {
          // A database that is away says nothing about the host.
          log.warn("instance {} can't be watched: {}", order.instanceName(), e.getMessage());
          pause(WATCH_INTERVAL);
          continue;
        }
        silence = String.valueOf(e.getMessage());
        silent = lost ? SILENT_AFTER : silent + 1;
      }
      if (reachable && silent >= SILENT_AFTER) {
        return new HostNews(false, silence);
      }
      if (!reachable && silent == 0) {
        return new HostNews(true, "");
      }
      pause(silent == 0 || !reachable ? WATCH_INTERVAL : SILENT_INTERVAL);
    }
  }

  @Override
  public void terminateMachine(MachineOrder order) {
    try {
      backend(order).terminate(tag(order));
      machines.terminated(order.instance(), order.attempt());
      agents.forget(order.instance());
      log.info("instance {}: machine ended", order.instanceName());
    } catch (DstackException e) {
      throw Failures.of(e);
    }
  }

  private ComputeBackend backend(MachineOrder order) {
    return backends.backend(order.projectId(), order.offer().backend());
  }

  private InstanceTag tag(MachineOrder order) {
    return new InstanceTag(deployment, order.instance(), order.attempt());
  }

  private MachineView keep(MachineOrder order, Machine machine) {
    boolean own = backend(order) instanceof WithOwnAgents;
    AgentAddress agent = own ? null : machine.agent();
    machines.save(
        new InstanceMachine(
            order.instance(),
            order.attempt(),
            order.projectId(),
            order.offer().backend(),
            machine.providerId(),
            machine.hostname(),
            agent == null ? null : agent.uri(),
            agent == null ? null : agent.token(),
            Json.lenient().writeValueAsString(machine.offer())));
    agents.forget(order.instance());
    return new MachineView(machine.providerId(), machine.offer(), machine.hostname());
  }

  private static void pause(Duration duration) {
    try {
      Thread.sleep(duration);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Failures.of(ErrorKind.AGENT_UNREACHABLE, "The worker is shutting down");
    }
  }
}
