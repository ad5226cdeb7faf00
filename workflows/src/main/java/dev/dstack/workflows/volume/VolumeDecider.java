package dev.dstack.workflows.volume;

import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.wire.volume.VolumeStatus;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.view.TimelineEvent;
import dev.dstack.workflows.view.VolumeView;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeCloudActivities.Mounted;
import dev.dstack.workflows.volume.VolumeState.Attachment;
import dev.dstack.workflows.volume.VolumeState.Link;
import dev.dstack.workflows.volume.VolumeState.Phase;
import dev.dstack.workflows.volume.VolumeState.Refusal;
import dev.dstack.workflows.volume.VolumeState.Waiting;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Decides what a volume does next. No clock, no calls: state and event in, both out. */
final class VolumeDecider {
  /** How long a job waits for a volume that is being made, or that another one is letting go of. */
  static final Duration PATIENCE = Duration.ofMinutes(4);

  /** The least time that a machine gets to let go of a volume. */
  static final Duration LET_GO = Duration.ofSeconds(60);

  /** When force has failed: until it is used again. */
  static final Duration FORCE_AGAIN = Duration.ofMinutes(5);

  /** How often it is looked whether the jobs that have it are still there. */
  static final Duration CHECK_OWNERS = Duration.ofMinutes(10);

  private static final int REMEMBERED = 100;

  record Decision(VolumeState state, List<VolumeCommand> commands) {
    Decision {
      commands = List.copyOf(commands);
    }
  }

  private final VolumeInput input;
  private final VolumeState.Draft volume;
  private final Instant now;
  private final List<VolumeCommand> commands = new ArrayList<>();
  private final List<TimelineEvent> facts = new ArrayList<>();
  private boolean visible;
  private boolean deleteRefused;

  private VolumeDecider(VolumeInput input, VolumeState state, Instant now) {
    this.input = input;
    this.volume = new VolumeState.Draft(state);
    this.now = now;
  }

  static Decision decide(VolumeInput input, VolumeState state, VolumeEvent event, Instant now) {
    VolumeDecider decider = new VolumeDecider(input, state, now);
    if (state.phase() != Phase.DELETED) {
      decider.on(event);
    }
    return decider.decision();
  }

  /** When something happens if nothing else does; absent: only an event can move it. */
  static @Nullable Instant deadline(VolumeInput input, VolumeState state) {
    Stream<Instant> leaving =
        state.attachments().stream()
            .filter(Attachment::leaving)
            .flatMap(one -> Stream.ofNullable(one.forceAt()));
    Stream<Instant> waiting = state.waiting().stream().map(Waiting::until);
    return Stream.of(
            leaving,
            waiting,
            Stream.ofNullable(cleanupAt(input, state)),
            Stream.ofNullable(checkAt(state)))
        .flatMap(all -> all)
        .min(Instant::compareTo)
        .orElse(null);
  }

  private static @Nullable Instant cleanupAt(VolumeInput input, VolumeState state) {
    Duration unused = input.plan().autoCleanup();
    boolean free =
        state.phase() == Phase.ACTIVE && state.attachments().isEmpty() && state.waiting().isEmpty();
    return unused == null || !free ? null : state.usedAt().plus(unused);
  }

  private static @Nullable Instant checkAt(VolumeState state) {
    boolean owned = state.attachments().stream().anyMatch(one -> !one.users().isEmpty());
    Instant since = state.checkedAt() == null ? state.usedAt() : state.checkedAt();
    return owned ? since.plus(CHECK_OWNERS) : null;
  }

  static VolumeAnswer answer(VolumeInput input, VolumeState state, JobId job) {
    for (Attachment one : state.attachments()) {
      if (one.users().isEmpty() && job.equals(one.last())) {
        return new VolumeAnswer.Pending("is being detached from " + one.host().name());
      }
      if (one.users().stream().anyMatch(user -> user.job().equals(job))) {
        Mounted mounted = one.mounted();
        Made made = state.made();
        return one.link() == Link.ATTACHED && mounted != null && made != null
            ? new VolumeAnswer.Attached(
                made.providerId(),
                mounted.device(),
                mounted.directory(),
                mounted.device() != null && input.plan().existing() == null)
            : new VolumeAnswer.Pending("is being attached to " + one.host().name());
      }
    }
    if (state.waiting().stream().anyMatch(one -> one.request().job().equals(job))) {
      return new VolumeAnswer.Pending(
          state.phase() == Phase.ACTIVE
              ? "waits until it is detached from " + names(state.attachments())
              : "is not ready yet");
    }
    Optional<Refusal> refusal =
        state.refused().stream().filter(one -> one.job().equals(job)).findFirst();
    if (refusal.isPresent()) {
      return new VolumeAnswer.Refused(refusal.get().kind(), refusal.get().message());
    }
    return new VolumeAnswer.None();
  }

  private void on(VolumeEvent event) {
    switch (event) {
      case VolumeEvent.Begin _ -> begin();
      case VolumeEvent.Ready(Made made) -> ready(made);
      case VolumeEvent.NotMade(ErrorKind _, String message) -> notMade(message);
      case VolumeEvent.Attach(AttachRequest request) -> attach(request);
      case VolumeEvent.Detach(JobId job) -> detach(job);
      case VolumeEvent.Attached(InstanceId instance, Mounted mounted) ->
          attached(instance, mounted);
      case VolumeEvent.NotAttached(InstanceId instance, ErrorKind kind, String message) ->
          notAttached(instance, kind, message);
      case VolumeEvent.Detached(InstanceId instance) -> detached(instance);
      case VolumeEvent.NotDetached(InstanceId instance, boolean forced, String message) ->
          notDetached(instance, forced, message);
      case VolumeEvent.Delete _ -> delete();
      case VolumeEvent.Deleted _ -> deleted();
      case VolumeEvent.NotDeleted(String message) -> notDeleted(message);
      case VolumeEvent.OwnersClosed(List<String> closed) -> ownersClosed(closed);
      case VolumeEvent.Tick(Instant at) -> tick(at);
    }
  }

  // --- being made --------------------------------------------------------------------------------

  private void begin() {
    if (volume.phase == Phase.NEW) {
      volume.phase = Phase.MAKING;
      visible = true;
      commands.add(new VolumeCommand.Ensure());
    }
  }

  private void ready(Made made) {
    if (volume.phase == Phase.DELETING) {
      volume.made = made;
      deleteNow();
      return;
    }
    if (volume.phase != Phase.MAKING) {
      return;
    }
    volume.made = made;
    volume.usedAt = now;
    to(Phase.ACTIVE, null);
    serveWaiting();
  }

  private void notMade(String message) {
    if (volume.phase == Phase.DELETING) {
      deleteNow();
      return;
    }
    if (volume.phase != Phase.MAKING) {
      return;
    }
    to(Phase.FAILED, message);
    refuseWaiting("could not be made: " + message);
    if (input.plan().existing() == null) {
      // The provider may have made it and only its answer was lost.
      commands.add(new VolumeCommand.DeleteAtProvider());
    }
  }

  // --- being used --------------------------------------------------------------------------------

  private void attach(AttachRequest request) {
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
      case NEW, MAKING -> volume.waiting.add(new Waiting(request, now.plus(PATIENCE)));
      case ACTIVE -> place(request, now.plus(PATIENCE));
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
        visible = true;
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
      visible = true;
      commands.add(new VolumeCommand.AttachTo(request.host()));
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

  private void attached(InstanceId instance, Mounted mounted) {
    int at = find(instance, Link.ATTACHING);
    if (at < 0) {
      return;
    }
    Attachment one = volume.attachments.get(at);
    Attachment next = one.with(mounted);
    volume.attachments.set(at, next);
    volume.usedAt = now;
    volume.checkedAt = now;
    visible = true;
    fact("Volume attached to instance " + one.host().name(), one);
    if (next.users().isEmpty()) {
      letGo(at);
    }
  }

  private void notAttached(InstanceId instance, ErrorKind kind, String message) {
    int at = find(instance, Link.ATTACHING);
    if (at < 0) {
      return;
    }
    Attachment one = volume.attachments.get(at);
    for (AttachRequest user : one.users()) {
      refuse(user.job(), kind, "could not be attached to " + one.host().name() + ": " + message);
    }
    volume.attachments.set(at, one.with(List.of(), one.last(), one.forceAt()));
    visible = true;
    // The call may have had its effect all the same.
    letGo(at);
  }

  private void detach(JobId job) {
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
          i, one.with(stay, free ? job : null, free ? now.plus(patience) : null));
      volume.usedAt = now;
      visible = true;
      if (free) {
        if (one.link() == Link.ATTACHING) {
          commands.add(new VolumeCommand.CancelAttach(one.instance()));
        } else if (one.link() == Link.ATTACHED) {
          letGo(i);
        }
      }
      return;
    }
  }

  private void letGo(int at) {
    Attachment one = volume.attachments.get(at);
    Instant forceAt = one.forceAt() == null ? now.plus(LET_GO) : one.forceAt();
    volume.attachments.set(at, one.with(Link.DETACHING, forceAt));
    commands.add(new VolumeCommand.DetachFrom(one.host(), false));
  }

  private void detached(InstanceId instance) {
    Optional<Attachment> found =
        volume.attachments.stream()
            .filter(one -> one.instance().equals(instance) && one.leaving())
            .findFirst();
    if (found.isPresent()) {
      volume.attachments.remove(found.get());
      volume.usedAt = now;
      visible = true;
      fact("Volume detached from instance " + found.get().host().name(), found.get());
      serveWaiting();
    }
  }

  private void notDetached(InstanceId instance, boolean forced, String message) {
    for (int i = 0; i < volume.attachments.size(); i++) {
      Attachment one = volume.attachments.get(i);
      if (!one.instance().equals(instance) || !one.leaving()) {
        continue;
      }
      if (forced) {
        // Nobody can do more than that here; tried again for as long as it takes.
        volume.message =
            Failures.cut("can't be detached from " + one.host().name() + ": " + message);
        fact("Volume " + volume.message, one);
        volume.attachments.set(i, one.with(Link.FORCING, now.plus(FORCE_AGAIN)));
      } else {
        fact("Volume is detached by force from instance " + one.host().name(), one);
        volume.attachments.set(i, one.with(Link.FORCING, null));
        commands.add(new VolumeCommand.DetachFrom(one.host(), true));
      }
      visible = true;
      return;
    }
  }

  private void ownersClosed(List<String> closed) {
    List<JobId> gone =
        volume.attachments.stream()
            .flatMap(one -> one.users().stream())
            .filter(user -> closed.contains(user.jobWorkflowId()))
            .map(AttachRequest::job)
            .toList();
    gone.forEach(this::detach);
  }

  private void serveWaiting() {
    List<Waiting> all = List.copyOf(volume.waiting);
    volume.waiting.clear();
    for (Waiting one : all) {
      place(one.request(), one.until());
    }
  }

  private void refuseWaiting(String why) {
    for (Waiting one : volume.waiting) {
      refuse(one.request().job(), ErrorKind.INVALID_SPEC, why);
    }
    volume.waiting.clear();
  }

  private void refuse(JobId job, ErrorKind kind, String why) {
    volume.refused.add(
        new Refusal(job, kind, Failures.cut("Volume " + input.name() + " " + why + ".")));
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

  // --- its end -----------------------------------------------------------------------------------

  private void delete() {
    if (volume.phase == Phase.DELETING) {
      return;
    }
    if (!volume.attachments.isEmpty() || !volume.waiting.isEmpty()) {
      deleteRefused = true;
      visible = true;
      facts.add(
          Facts.fact(
              now,
              volume.attachments.isEmpty()
                  ? "Volume is not deleted: a run waits for it"
                  : "Volume is not deleted: it is in use by " + names(volume.attachments),
              target()));
      return;
    }
    end();
  }

  private void end() {
    boolean making = volume.phase == Phase.MAKING;
    volume.phase = Phase.DELETING;
    visible = true;
    if (making) {
      // Its end, whichever it is, is followed by the deletion: never the other way round.
      commands.add(new VolumeCommand.CancelEnsure());
    } else {
      deleteNow();
    }
  }

  private void deleteNow() {
    if (input.plan().existing() == null) {
      commands.add(new VolumeCommand.DeleteAtProvider());
    } else {
      deleted();
    }
  }

  private void deleted() {
    if (volume.phase == Phase.DELETING) {
      volume.phase = Phase.DELETED;
      visible = true;
      facts.add(Facts.fact(now, "Volume deleted", target()));
    }
  }

  private void notDeleted(String message) {
    if (volume.phase == Phase.DELETING) {
      volume.phase = volume.made == null ? Phase.FAILED : Phase.ACTIVE;
      deleteRefused = true;
      visible = true;
      volume.message = Failures.cut("could not be deleted: " + message);
      facts.add(Facts.fact(now, "Volume " + volume.message, target()));
    } else if (volume.phase == Phase.FAILED) {
      visible = true;
      volume.message =
          Failures.cut(volume.message + "; what was made of it could not be deleted: " + message);
    }
  }

  // --- time --------------------------------------------------------------------------------------

  private void tick(Instant at) {
    for (Attachment one : List.copyOf(volume.attachments)) {
      Instant forceAt = one.forceAt();
      if (one.leaving() && forceAt != null && !at.isBefore(forceAt)) {
        volume.attachments.set(volume.attachments.indexOf(one), one.with(one.link(), null));
        commands.add(
            one.link() == Link.DETACHING
                ? new VolumeCommand.CancelDetach(one.instance())
                : new VolumeCommand.DetachFrom(one.host(), true));
      }
    }
    for (Waiting one : List.copyOf(volume.waiting)) {
      if (!at.isBefore(one.until())) {
        volume.waiting.remove(one);
        refuse(
            one.request().job(),
            ErrorKind.TIMED_OUT,
            volume.phase == Phase.ACTIVE
                ? "was not let go of in time by " + names(volume.attachments)
                : "was not ready in time");
      }
    }
    VolumeState state = volume.freeze();
    Instant cleanupAt = cleanupAt(input, state);
    if (cleanupAt != null && !at.isBefore(cleanupAt)) {
      facts.add(Facts.fact(now, "Volume is deleted: nobody has used it for long enough", target()));
      end();
    }
    Instant checkAt = checkAt(state);
    if (checkAt != null && !at.isBefore(checkAt)) {
      volume.checkedAt = at;
      commands.add(
          new VolumeCommand.FindClosed(
              state.attachments().stream()
                  .flatMap(one -> one.users().stream())
                  .map(AttachRequest::jobWorkflowId)
                  .distinct()
                  .toList()));
    }
  }

  // --- words -------------------------------------------------------------------------------------

  private int find(InstanceId instance, Link link) {
    for (int i = 0; i < volume.attachments.size(); i++) {
      Attachment one = volume.attachments.get(i);
      if (one.instance().equals(instance) && one.link() == link) {
        return i;
      }
    }
    return -1;
  }

  private static String names(List<Attachment> attachments) {
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

  private TimelineEvent.Target target() {
    return Facts.volume(input.id(), input.name());
  }

  private void fact(String text, Attachment where) {
    facts.add(
        Facts.fact(now, text, target(), Facts.instance(where.instance(), where.host().name())));
  }

  private void to(Phase next, @Nullable String message) {
    String from = status().name();
    volume.phase = next;
    volume.message = message == null ? null : Failures.cut(message);
    visible = true;
    String why = message == null ? "" : " (" + message + ")";
    facts.add(
        Facts.fact(
            now, "Volume status changed " + from + " -> " + status().name() + why, target()));
  }

  private VolumeStatus status() {
    return switch (volume.phase) {
      case NEW, MAKING -> VolumeStatus.SUBMITTED;
      case ACTIVE -> VolumeStatus.ACTIVE;
      case FAILED -> VolumeStatus.FAILED;
      case DELETING, DELETED -> volume.made == null ? VolumeStatus.FAILED : VolumeStatus.ACTIVE;
    };
  }

  private Decision decision() {
    if (visible) {
      volume.revision++;
      commands.add(new VolumeCommand.Show(view()));
    }
    return new Decision(volume.freeze(), commands);
  }

  private VolumeView view() {
    Made made = volume.made;
    return new VolumeView(
        input.id(),
        input.projectId(),
        input.name(),
        volume.revision,
        status(),
        volume.message,
        made == null ? null : made.providerId(),
        made == null ? null : made.sizeGb(),
        made == null ? null : made.availabilityZone(),
        made == null ? null : Double.valueOf(made.price()),
        volume.attachments.stream()
            .map(
                one ->
                    new VolumeView.Attachment(
                        one.instance(),
                        one.host().name(),
                        one.host().number(),
                        one.host().fleet(),
                        one.host().machine(),
                        one.mounted() == null ? null : one.mounted().device(),
                        one.users().stream().map(AttachRequest::runName).distinct().toList()))
            .toList(),
        input.createdAt(),
        now,
        deleteRefused,
        volume.phase == Phase.DELETED ? now : null,
        facts);
  }
}
