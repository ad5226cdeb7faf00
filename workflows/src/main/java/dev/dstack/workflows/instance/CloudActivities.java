package dev.dstack.workflows.instance;

import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import dev.dstack.model.offer.Offer;
import dev.dstack.model.offer.Requirements;
import io.temporal.activity.ActivityInterface;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Calls to a provider of machines. All of them may be repeated with the same arguments. */
@ActivityInterface(namePrefix = "cloud.")
public interface CloudActivities {
  /** Offers of one backend that satisfy the requirements, cheapest first. */
  List<Offer> offers(ProjectId project, BackendType backend, Requirements requirements);

  /**
   * Finds the machine by its tag or creates it. Fails with the {@link
   * dev.dstack.model.error.ErrorKind} as type: NO_CAPACITY, QUOTA_EXCEEDED, BACKEND_DENIED are
   * final for this offer.
   */
  MachineView ensureMachine(MachineOrder order);

  /** Succeeds once the host agent answers and keeps how to reach it; NOT_READY until then. */
  MachineView awaitHost(MachineOrder order);

  /**
   * Returns only when something changed: the agent stopped answering, or answers again. Heartbeats.
   */
  HostNews watchHost(MachineOrder order, boolean reachable);

  /** Ends the machine; unknown is success. */
  void terminateMachine(MachineOrder order);

  /** Which machine: the tag is made of the instance and the attempt. */
  record MachineOrder(
      InstanceId instance,
      int attempt,
      String instanceName,
      ProjectId projectId,
      String project,
      Offer offer) {}

  /** A machine without anything secret. */
  record MachineView(String providerId, Offer offer, @Nullable String hostname) {}

  record HostNews(boolean reachable, String message) {}
}
