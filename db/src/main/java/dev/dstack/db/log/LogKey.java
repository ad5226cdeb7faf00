package dev.dstack.db.log;

import dev.dstack.model.ids.JobId;
import java.util.regex.Pattern;

/** Names the log of one job submission. */
public record LogKey(String project, String runName, JobId job) {
  private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_-]{1,100}");

  public LogKey {
    // Both become folders; a name that got here unchecked must not leave the log directory.
    if (!NAME.matcher(project).matches() || !NAME.matcher(runName).matches()) {
      throw new IllegalArgumentException("not a name of a project and a run");
    }
  }
}
