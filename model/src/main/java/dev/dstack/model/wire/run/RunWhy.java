package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import dev.dstack.model.run.RunStatus;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Why a run is where it is. Upstream has no such answer.
 *
 * @param summary where it stands, in one sentence
 * @param waitingFor what it waits for now, in words
 * @param nextAttemptAt when it tries again by itself, whatever happens before
 * @param givesUpAt when waiting ends
 * @param live asked of the run and its fleets just now; otherwise as it was when it last changed
 * @param now what each fleet that it waits at says now
 * @param attempts what happened so far, the oldest first
 * @param leftOut fleets that were not asked, and why
 */
public record RunWhy(
    UUID id,
    String runName,
    RunStatus status,
    String summary,
    @Nullable String waitingFor,
    @Nullable Instant nextAttemptAt,
    @Nullable Instant givesUpAt,
    boolean live,
    List<WhyFleet> now,
    List<WhyAttempt> attempts,
    List<WhyRefusal> leftOut) {
  public RunWhy {
    now = Frozen.list(now);
    attempts = Frozen.list(attempts);
    leftOut = Frozen.list(leftOut);
  }
}
