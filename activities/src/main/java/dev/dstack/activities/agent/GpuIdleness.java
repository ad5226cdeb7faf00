package dev.dstack.activities.agent;

import dev.dstack.model.ids.JobId;
import java.time.Duration;

/** What is known of how much jobs use their accelerators. */
public interface GpuIdleness {
  /**
   * Whether samples cover the whole window until now, and in all of them one and the same
   * accelerator was used less than that.
   */
  boolean below(JobId job, Duration window, int percent);
}
