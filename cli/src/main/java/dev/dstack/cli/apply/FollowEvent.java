package dev.dstack.cli.apply;

import dev.dstack.cli.CliException;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.data.Doc;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the threads around a {@link RunFollower} tell it. */
sealed interface FollowEvent {
  record Snapshot(Doc run) implements FollowEvent {}

  record Output(OutputThread from, List<byte[]> pieces) implements FollowEvent {}

  record OutputEnded(OutputThread thread) implements FollowEvent {}

  record ServerAway(CliException why, Duration since) implements FollowEvent {}

  record Failed(CliException why) implements FollowEvent {}

  record Interrupted() implements FollowEvent {}

  record Answer(@Nullable Boolean stop) implements FollowEvent {}

  record Attached(Attachment attachment) implements FollowEvent {}

  /** There is no connection; for the first one this says whether it is worth waiting for. */
  record NotAttached(Attachment attachment, String why) implements FollowEvent {}

  record AttachIsSlow(Attachment attachment) implements FollowEvent {}

  record ConnectionLost(Attachment attachment) implements FollowEvent {}
}
