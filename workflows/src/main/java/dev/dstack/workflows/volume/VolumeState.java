package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All that a volume remembers.
 *
 * @param usedAt when somebody last had it, or when it was made
 * @param checkedAt when it was last asked whether the owners of the attachments are still there
 * @param refused the latest answers to jobs that did not get it
 * @param over the latest jobs that are done with it; what they still ask comes too late
 */
public record VolumeState(
    long revision,
    Phase phase,
    @Nullable Made made,
    @Nullable String message,
    List<Attachment> attachments,
    List<Waiting> waiting,
    List<Refusal> refused,
    List<JobId> over,
    Instant usedAt,
    @Nullable Instant checkedAt) {
  public VolumeState {
    attachments = List.copyOf(attachments);
    waiting = List.copyOf(waiting);
    refused = List.copyOf(refused);
    over = List.copyOf(over);
  }

  /** Where the workflow stands. */
  public enum Phase {
    NEW,
    MAKING,
    ACTIVE,
    /** It could not be made; whatever an attempt left is deleted. */
    FAILED,
    DELETING,
    DELETED
  }

  /** Where an attachment stands. */
  public enum Link {
    ATTACHING,
    ATTACHED,
    DETACHING,
    FORCING
  }

  /**
   * The volume on one machine.
   *
   * @param users whose jobs have it there
   * @param last who was the last of them, when there are none any more
   * @param forceAt when the machine is not asked to let go of it any more
   */
  public record Attachment(
      AttachRequest.Host host,
      Link link,
      @Nullable Mounted mounted,
      List<AttachRequest> users,
      @Nullable JobId last,
      @Nullable Instant forceAt) {
    public Attachment {
      users = List.copyOf(users);
    }

    InstanceId instance() {
      return host.instance();
    }

    Attachment with(Link next, @Nullable Instant force) {
      return new Attachment(host, next, mounted, users, last, force);
    }

    Attachment with(List<AttachRequest> next, @Nullable JobId leaver, @Nullable Instant force) {
      return new Attachment(host, link, mounted, next, leaver, force);
    }

    Attachment with(Mounted where) {
      return new Attachment(host, Link.ATTACHED, where, users, last, forceAt);
    }

    boolean leaving() {
      return link == Link.DETACHING || link == Link.FORCING;
    }
  }

  /** A job that waits until the volume is ready, or let go of by the one before. */
  public record Waiting(AttachRequest request, Instant until) {}

  public record Refusal(JobId job, ErrorKind kind, String message) {}

  static VolumeState initial(Instant createdAt) {
    return new VolumeState(
        0, Phase.NEW, null, null, List.of(), List.of(), List.of(), List.of(), createdAt, null);
  }

  /** The next state while it is being decided; never leaves the decider. */
  static final class Draft {
    long revision;
    Phase phase;
    @Nullable Made made;
    @Nullable String message;
    final List<Attachment> attachments;
    final List<Waiting> waiting;
    final List<Refusal> refused;
    final List<JobId> over;
    Instant usedAt;
    @Nullable Instant checkedAt;

    Draft(VolumeState from) {
      revision = from.revision;
      phase = from.phase;
      made = from.made;
      message = from.message;
      attachments = new ArrayList<>(from.attachments);
      waiting = new ArrayList<>(from.waiting);
      refused = new ArrayList<>(from.refused);
      over = new ArrayList<>(from.over);
      usedAt = from.usedAt;
      checkedAt = from.checkedAt;
    }

    VolumeState freeze() {
      return new VolumeState(
          revision, phase, made, message, attachments, waiting, refused, over, usedAt, checkedAt);
    }
  }
}
