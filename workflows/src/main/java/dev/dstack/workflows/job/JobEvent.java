package dev.dstack.workflows.job;

import dev.dstack.model.error.ErrorKind;
import java.time.Instant;
import java.util.List;

/** What can happen to a job. */
sealed interface JobEvent {
  record Begin() implements JobEvent {}

  record Attached() implements JobEvent {}

  record AttachFailed(String message) implements JobEvent {}

  record News(TaskNews news) implements JobEvent {}

  record SubmitFailed(ErrorKind kind, String message) implements JobEvent {}

  /** The submission was called off before it had an effect that is known. */
  record SubmitCanceled() implements JobEvent {}

  record WatchFailed(String message) implements JobEvent {}

  record StopAsked(JobStop stop) implements JobEvent {}

  /** The host has been made clean, as far as it could be. */
  record Cleaned(List<String> problems) implements JobEvent {
    public Cleaned {
      problems = List.copyOf(problems);
    }
  }

  record Tick(Instant at) implements JobEvent {}
}
