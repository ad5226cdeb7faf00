package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.time.Instant;
import java.util.List;

/** One attempt to run a replica: who was asked for capacity, and what became of its jobs. */
public record WhyAttempt(
    int replicaNum, int submissionNum, Instant askedAt, List<WhyFleet> fleets, List<WhyJob> jobs) {
  public WhyAttempt {
    fleets = Frozen.list(fleets);
    jobs = Frozen.list(jobs);
  }
}
