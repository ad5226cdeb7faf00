package dev.dstack.db.log;

import dev.dstack.model.ids.JobId;

/** Which log. The names are part of where it is kept, so that a person finds it. */
public record LogKey(String project, String runName, JobId job, Kind kind) {
  public enum Kind {
    /** What the job wrote. */
    JOB("job"),
    /** What the one who ran it says about it. */
    RUNNER("runner");

    private final String word;

    Kind(String word) {
      this.word = word;
    }

    public String word() {
      return word;
    }
  }

  /** What the job wrote. */
  public LogKey(String project, String runName, JobId job) {
    this(project, runName, job, Kind.JOB);
  }
}
