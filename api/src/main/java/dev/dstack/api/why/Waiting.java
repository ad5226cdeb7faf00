package dev.dstack.api.why;

import dev.dstack.db.views.RunRow;
import dev.dstack.model.run.RunStatus;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.fleet.FleetWhy;
import dev.dstack.workflows.run.RunWhy;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a run waits for, in words, and when something happens by itself. */
record Waiting(
    @Nullable String words, @Nullable Instant nextAttemptAt, @Nullable Instant givesUpAt) {
  private static final Waiting FOR_NOTHING = new Waiting(null, null, null);

  /**
   * @param state absent: the run can't be asked now
   */
  static Waiting of(RunRow run, @Nullable RunWhy state, List<FleetWhy> fleets) {
    if (run.status().isFinal() || run.status() == RunStatus.RUNNING) {
      return FOR_NOTHING;
    }
    if (state == null) {
      return new Waiting(
          run.view() == null
              ? "its workflow to be started: Temporal or its workers are away"
              : "an answer of its workflow: Temporal or its workers are away",
          null,
          null);
    }
    if (state.nextTriggeredAt() != null) {
      return new Waiting("the next time of its schedule", state.nextTriggeredAt(), null);
    }
    List<String> words = new ArrayList<>();
    List<Instant> attempts = new ArrayList<>();
    List<Instant> ends = new ArrayList<>();
    for (RunWhy.Replica replica : state.replicas()) {
      String what = words(replica, fleets);
      if (what != null && !words.contains(what)) {
        words.add(what);
      }
      if (replica.retryAt() != null) {
        attempts.add(replica.retryAt());
      }
      if (replica.until() != null) {
        ends.add(replica.until());
      }
    }
    fleets.stream()
        .flatMap(fleet -> fleet.requests().stream())
        .map(FleetWhy.Standing::nextAttemptAt)
        .filter(Objects::nonNull)
        .forEach(attempts::add);
    return new Waiting(
        words.isEmpty() ? null : String.join("; ", words),
        attempts.stream().min(Comparator.naturalOrder()).orElse(null),
        ends.stream().max(Comparator.naturalOrder()).orElse(null));
  }

  private static @Nullable String words(RunWhy.Replica replica, List<FleetWhy> fleets) {
    return switch (replica.phase()) {
      case ASKING, WAITING -> {
        List<String> places =
            fleets.stream()
                .filter(fleet -> replica.asking().contains(fleet.fleet()))
                .flatMap(fleet -> fleet.requests().stream().map(one -> place(fleet, one)))
                .toList();
        yield places.isEmpty()
            ? "the answer of " + names(replica.asking())
            : String.join("; ", places);
      }
      case BACKING_OFF -> "the pause before its next attempt to be over";
      case RESTARTING -> "the other jobs of its replica to end, because one of them has failed";
      case ACTIVE, DONE, FAILED -> null;
    };
  }

  static String place(FleetWhy fleet, FleetWhy.Standing one) {
    String name = "fleet " + fleet.fleet().name();
    return switch (one.place()) {
      case CREATING ->
          "an instance of " + name + " that is being made: " + String.join(", ", one.creating());
      case QUEUED ->
          "capacity in "
              + name
              + ", where it is "
              + one.position()
              + " of "
              + one.waits()
              + " in the queue";
      case GRANTED -> "its jobs to start on " + name;
    };
  }

  private static String names(List<FleetRef> fleets) {
    return fleets.stream().map(fleet -> "fleet " + fleet.name()).collect(Collectors.joining(", "));
  }
}
