package dev.dstack.workflows.instance;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.ids.FleetId;
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
   * The cheapest usable offers of one backend that satisfy the search, so few that a history can
   * hold them; when there are none, why those that there are do not fit.
   */
  FoundOffers findOffers(ProjectId project, BackendType backend, OfferSearch search);

  /**
   * Finds the machine by its tag or creates it. Fails with the {@link
   * dev.dstack.model.error.ErrorKind} as type: NO_CAPACITY, QUOTA_EXCEEDED, BACKEND_DENIED are
   * final for this offer.
   */
  MachineView ensureMachine(MachineOrder order);

  /** Succeeds once the host agent answers and keeps how to reach it; NOT_READY until then. */
  MachineView awaitHost(MachineOrder order);

  /**
   * Returns only when something changed: the agent stopped answering or answers again, or the
   * accelerators have failed or are well again. Heartbeats.
   *
   * @param fit whether they were well when this was known last; absent: who asks, as an earlier
   *     release, does not want to know
   */
  HostNews watchHost(MachineOrder order, boolean reachable, @Nullable Boolean fit);

  /** Ends the machine; unknown is success. */
  void terminateMachine(MachineOrder order);

  /**
   * Which machine: the tag is made of the instance and the attempt.
   *
   * @param fleet whose specification says how to log in to its hosts
   */
  record MachineOrder(
      InstanceId instance,
      int attempt,
      String instanceName,
      ProjectId projectId,
      String project,
      Offer offer,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable FleetId fleet) {
    public MachineOrder(
        InstanceId instance,
        int attempt,
        String instanceName,
        ProjectId projectId,
        String project,
        Offer offer) {
      this(instance, attempt, instanceName, projectId, project, offer, null);
    }
  }

  /** A machine without anything secret. */
  record MachineView(
      String providerId,
      Offer offer,
      @Nullable String hostname,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String internalIp) {
    public MachineView(String providerId, Offer offer, @Nullable String hostname) {
      this(providerId, offer, hostname, null);
    }
  }

  /**
   * @param message when it is unreachable or not fit: why
   * @param gone whether the provider says that there is no such machine any more; absent: no
   * @param fit whether its accelerators are well, for new jobs; absent: nothing new
   */
  record HostNews(
      boolean reachable,
      String message,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Boolean gone,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Boolean fit) {
    public HostNews(boolean reachable, String message) {
      this(reachable, message, null, null);
    }

    public static HostNews gone(String message) {
      return new HostNews(false, message, true, null);
    }

    public static HostNews health(boolean fit, String message) {
      return new HostNews(true, message, null, fit);
    }

    boolean isGone() {
      return gone != null && gone;
    }
  }
}
