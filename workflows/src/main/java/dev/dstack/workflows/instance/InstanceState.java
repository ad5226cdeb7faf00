package dev.dstack.workflows.instance;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.instance.HostState;
import dev.dstack.model.instance.InstanceStatus;
import dev.dstack.model.offer.Offer;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * All that an instance remembers; its argument when it continues as new.
 *
 * @param offer what was ordered, then what came
 * @param termination absent: it is wanted
 * @param failure absent unless it never came to be
 * @param unreachableSince absent while the agent answers
 * @param reviveAt when the next attempt to restart the agent, or to terminate, is made
 * @param watchBroken the watch ended without a result and is to be begun again
 * @param escalateAt when a termination that has not succeeded is made known
 * @param unfit why it gets no new jobs although it answers; absent: it is well
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record InstanceState(
    long revision,
    long reportSeq,
    InstanceStatus status,
    HostState host,
    Phase phase,
    Offer offer,
    @Nullable String providerId,
    @Nullable String hostname,
    @Nullable String internalIp,
    @Nullable InstanceTermination termination,
    @Nullable ErrorKind failure,
    @Nullable Instant unreachableSince,
    @Nullable Instant reviveAt,
    boolean watchBroken,
    @Nullable Instant escalateAt,
    @Nullable Instant finishedAt,
    @Nullable String unfit) {

  /** Where the workflow stands; the status is what is shown. */
  public enum Phase {
    NEW,
    CREATING,
    WAITING_FOR_HOST,
    READY,
    UNREACHABLE,
    TERMINATING,
    GONE
  }

  static InstanceState initial(InstanceInput input) {
    return new InstanceState(
        0,
        0,
        InstanceStatus.PENDING,
        HostState.UNKNOWN,
        Phase.NEW,
        input.offer(),
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        false,
        null,
        null,
        null);
  }

  /** The next state while it is being decided; never leaves the decider. */
  static final class Draft {
    long revision;
    long reportSeq;
    InstanceStatus status;
    HostState host;
    Phase phase;
    Offer offer;
    @Nullable String providerId;
    @Nullable String hostname;
    @Nullable String internalIp;
    @Nullable InstanceTermination termination;
    @Nullable ErrorKind failure;
    @Nullable Instant unreachableSince;
    @Nullable Instant reviveAt;
    boolean watchBroken;
    @Nullable Instant escalateAt;
    @Nullable Instant finishedAt;
    @Nullable String unfit;

    Draft(InstanceState from) {
      revision = from.revision;
      reportSeq = from.reportSeq;
      status = from.status;
      host = from.host;
      phase = from.phase;
      offer = from.offer;
      providerId = from.providerId;
      hostname = from.hostname;
      internalIp = from.internalIp;
      termination = from.termination;
      failure = from.failure;
      unreachableSince = from.unreachableSince;
      reviveAt = from.reviveAt;
      watchBroken = from.watchBroken;
      escalateAt = from.escalateAt;
      finishedAt = from.finishedAt;
      unfit = from.unfit;
    }

    InstanceState freeze() {
      return new InstanceState(
          revision,
          reportSeq,
          status,
          host,
          phase,
          offer,
          providerId,
          hostname,
          internalIp,
          termination,
          failure,
          unreachableSince,
          reviveAt,
          watchBroken,
          escalateAt,
          finishedAt,
          unfit);
    }
  }
}
