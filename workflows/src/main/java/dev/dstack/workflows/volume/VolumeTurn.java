package dev.dstack.workflows.volume;

import dev.dstack.model.wire.volume.VolumeStatus;
import dev.dstack.workflows.support.Facts;
import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.view.TimelineEvent;
import dev.dstack.workflows.view.VolumeView;
import dev.dstack.workflows.volume.VolumeCloudActivities.Made;
import dev.dstack.workflows.volume.VolumeState.Attachment;
import dev.dstack.workflows.volume.VolumeState.Phase;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One event's decision while it is made: the volume as it becomes, and what is to be done. */
final class VolumeTurn {
  final VolumeInput input;
  final VolumeState.Draft volume;
  final Instant now;
  final List<VolumeCommand> commands = new ArrayList<>();
  private final List<TimelineEvent> facts = new ArrayList<>();

  /** Whether there is something new to be shown. */
  boolean visible;

  boolean deleteRefused;

  VolumeTurn(VolumeInput input, VolumeState state, Instant now) {
    this.input = input;
    this.volume = new VolumeState.Draft(state);
    this.now = now;
  }

  private TimelineEvent.Target target() {
    return Facts.volume(input.id(), input.name());
  }

  void fact(String text) {
    facts.add(Facts.fact(now, text, target()));
  }

  void fact(String text, Attachment where) {
    facts.add(
        Facts.fact(now, text, target(), Facts.instance(where.instance(), where.host().name())));
  }

  void to(Phase next, @Nullable String message) {
    String from = status().name();
    volume.phase = next;
    volume.message = message == null ? null : Failures.cut(message);
    visible = true;
    String why = message == null ? "" : " (" + message + ")";
    fact("Volume status changed " + from + " -> " + status().name() + why);
  }

  private VolumeStatus status() {
    return switch (volume.phase) {
      case NEW, MAKING -> VolumeStatus.SUBMITTED;
      case ACTIVE -> VolumeStatus.ACTIVE;
      case FAILED -> VolumeStatus.FAILED;
      case DELETING, DELETED -> volume.made == null ? VolumeStatus.FAILED : VolumeStatus.ACTIVE;
    };
  }

  /** What is new is shown last. */
  void end() {
    if (visible) {
      volume.revision++;
      commands.add(new VolumeCommand.Show(view()));
    }
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
