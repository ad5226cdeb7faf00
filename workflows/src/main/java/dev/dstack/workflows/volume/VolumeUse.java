package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import dev.dstack.workflows.volume.VolumeState.Attachment;
import dev.dstack.workflows.volume.VolumeState.Link;
import dev.dstack.workflows.volume.VolumeState.Refusal;
import dev.dstack.workflows.volume.VolumeState.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Which jobs have a volume, on which instances it is, and who waits for it. */
final class VolumeUse {
  /** How long a job waits for a volume that is being made, or that another one is letting go of. */
  static final Duration PATIENCE = Duration.ofMinutes(4);

  /** The least time that a machine gets to let go of a volume. */
  static final Duration LET_GO = Duration.ofSeconds(60);

  /** When force has failed: until it is used again. */
  static final Duration FORCE_AGAIN = Duration.ofMinutes(5);

  private static final int REMEMBERED = 100;

  private final VolumeTurn turn;
  private final VolumeState.Draft volume;

  VolumeUse(VolumeTurn turn) {
    this.turn = turn;
    this.volume = turn.volume;
  }

  void attach(AttachRequest request) {
    JobId job = request.job();
    boolean known =
        volume.over.contains(job)
            || volume.refused.stream().anyMatch(one -> one.job().equals(job))
            || volume.waiting.stream().anyMatch(one -> one.request().job().equals(job))
            || volume.attachments.stream()
                .anyMatch(one -> one.users().stream().anyMatch(user -> user.job().equals(job)));
    if (known) {
      return;
    }
    switch (volume.phase) {
      case NEW, MAKING -> volume.waiting.add(new Waiting(request, turn.now.plus(PATIENCE)));
      case ACTIVE -> place(request, turn.now.plus(PATIENCE));
      case FAILED -> refuse(job, ErrorKind.INVALID_SPEC, "could not be made: " + volume.message);
      case DELETING, DELETED -> refuse(job, ErrorKind.INVALID_SPEC, "is being deleted");
    }
  }

  private void place(AttachRequest request, Instant until) {
    Made made = volume.made;
    InstanceId instance = request.host().instance();
    for (int i = 0; i < volume.attachments.size(); i++) {
      Attachment one = volume.attachments.get(i);
      if (one.instance().equals(instance) && !one.leaving()) {
        List<AttachRequest> users = new ArrayList<>(one.users());
        users.add(request);
        volume.attachments.set(i, one.with(users, null, null));
        turn.visible = true;
        return;
      }
    }
    boolean shared = made != null && made.shared();
    List<Attachment> inTheWay =
        volume.attachments.stream()
            .filter(one -> !shared || one.instance().equals(instance))
            .toList();
    if (inTheWay.isEmpty()) {
      volume.attachments.add(
          new Attachment(request.host(), Link.ATTACHING, null, List.of(request), null, null));
      turn.visible = true;
      turn.commands.add(new VolumeCommand.AttachTo(request.host()));
    } else if (inTheWay.stream().allMatch(Attachment::leaving)) {
      volume.waiting.add(new Waiting(request, until));
    } else {
      // Whoever has it keeps it: a volume of one machine is never taken to another.
      refuse(
          request.job(),
          ErrorKind.INVALID_SPEC,
          "is in use: it is attached to "
              + names(inTheWay)
              + ". Stop that run first, or give each run a volume of its own");
    }
  }

  void attached(InstanceId instance, Mounted mounted) {
    int at = find(instance, Link.ATTACHING);
    if (at < 0) {
      return;
    }
    Attachment one = volume.attachments.get(at);
    Attachment next = one.with(mounted);
    volume.attachments.set(at, next);
    volume.usedAt = turn.now;
    volume.checkedAt = turn.now;
    turn.visible = true;
    turn.fact("Volume attached to instance " + one.host().name(), one);
    if (next.users().isEmpty()) {
      letGo(at);
    }
  }

  void notAttached(InstanceId instance, ErrorKind kind, String message) {
    int at = find(instance, Link.ATTACHING);
    if (at < 0) {
      return;
    }
    Attachment one = volume.attachments.get(at);
    for (AttachRequest user : one.users()) {
      refuse(user.job(), kind, "could not be attached to " + one.host().name() + ": " + message);
    }
    volume.attachments.set(at, one.with(List.of(), one.last(), one.forceAt()));
    turn.visible = true;
    // The call may have had its effect all the same.
    letGo(at);
  }

  void detach(JobId job) {
    remember(job);
    volume.waiting.removeIf(one -> one.request().job().equals(job));
    volume.refused.removeIf(one -> one.job().equals(job));
    for (int i = 0; i < volume.attachments.size(); i++) {
      Attachment one = volume.attachments.get(i);
      Optional<AttachRequest> leaver =
          one.users().stream().filter(user -> user.job().equals(job)).findFirst();
      if (leaver.isEmpty()) {
        continue;
      }
      List<AttachRequest> stay = new ArrayList<>(one.users());
      stay.remove(leaver.get());
      Duration patience =
          leaver.get().stopDuration().compareTo(LET_GO) > 0 ? leaver.get().stopDuration() : LET_GO;
      boolean free = stay.isEmpty();
      volume.attachments.set(
          i, one.with(stay, free ? job : null, free ? turn.now.plus(patience) : null));
      volume.usedAt = turn.now;
      turn.visible = true;
      if (free) {
        if (one.link() == Link.ATTACHING) {
          turn.commands.add(new VolumeCommand.CancelAttach(one.instance()));
        } else if (one.link() == Link.ATTACHED) {
          letGo(i);
        }
      }
      return;
    }
  }

  private void letGo(int at) {
    Attachment one = volume.attachments.get(at);
    Instant forceAt = one.forceAt() == null ? turn.now.plus(LET_GO) : one.forceAt();
    volume.attachments.set(at, one.with(Link.DETACHING, forceAt));
    turn.commands.add(new VolumeCommand.DetachFrom(one.host(), false));
  }

  void detached(InstanceId instance) {
    Optional<Attachment> found =
        volume.attachments.stream()
            .filter(one -> one.instance().equals(instance) && one.leaving())
            .findFirst();
    if (found.isPresent()) {
      volume.attachments.remove(found.get());
      volume.usedAt = turn.now;
      turn.visible = true;
      turn.fact("Volume detached from instance " + found.get().host().name(), found.get());
      serveWaiting();
    }
  }

  void notDetached(InstanceId instance, boolean forced, String message) {
    for (int i = 0; i < volume.attachments.size(); i++) {
      Attachment one = volume.attachments.get(i);
      if (!one.instance().equals(instance) || !one.leaving()) {
        continue;
      }
      if (forced) {
        // Nobody can do more than that here; tried again for as long as it takes.
        volume.message =
            Failures.cut("can't be detached from " + one.host().name() + ": " + message);
        turn.fact("Volume " + volume.message, one);
        volume.attachments.set(i, one.with(Link.FORCING, turn.now.plus(FORCE_AGAIN)));
      } else {
        turn.fact("Volume is detached by force from instance " + one.host().name(), one);
        volume.attachments.set(i, one.with(Link.FORCING, null));
        turn.commands.add(new VolumeCommand.DetachFrom(one.host(), true));
      }
      turn.visible = true;
      return;
    }
  }

  void ownersClosed(List<String> closed) {
    List<JobId> gone =
        volume.attachments.stream()
            .flatMap(one -> one.users().stream())
            .filter(user -> closed.contains(user.jobWorkflowId()))
            .map(AttachRequest::job)
            .toList();
    gone.forEach(this::detach);
  }

  void serveWaiting() {
    List<Waiting> all = List.copyOf(volume.waiting);
    volume.waiting.clear();
    for (Waiting one : all) {
      place(one.request(), one.until());
    }
  }

  void refuseWaiting(String why) {
    for (Waiting one : volume.waiting) {
      refuse(one.request().job(), ErrorKind.INVALID_SPEC, why);
    }
    volume.waiting.clear();
  }

  void refuse(JobId job, ErrorKind kind, String why) {
    volume.refused.add(
        new Refusal(job, kind, Failures.cut("Volume " + turn.input.name() + " " + why + ".")));
    while (volume.refused.size() > REMEMBERED) {
      volume.refused.removeFirst();
    }
  }

  private void remember(JobId job) {
    if (!volume.over.contains(job)) {
      volume.over.add(job);
    }
    while (volume.over.size() > REMEMBERED) {
      volume.over.removeFirst();
    }
  }

  private int find(InstanceId instance, Link link) {
    for (int i = 0; i < volume.attachments.size(); i++) {
      Attachment one = volume.attachments.get(i);
      if (one.instance().equals(instance) && one.link() == link) {
        return i;
      }
    }
    return -1;
  }

  static String names(List<Attachment> attachments) {
    return String.join(
        ", ",
        attachments.stream()
            .map(
                one ->
                    one.host().name()
                        + (one.users().isEmpty()
                            ? ""
                            : " (run "
                                + String.join(
                                    ", ",
                                    one.users().stream()
                                        .map(AttachRequest::runName)
                                        .distinct()
                                        .toList())
                                + ")"))
            .toList());
  }
}
