package dev.dstack.db.log;

import dev.dstack.model.agent.LogFrame;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Frames in the order asked for.
 *
 * @param next where to go on; for a follower also when there is nothing more yet. Absent when
 *     nothing has been written yet
 * @param more whether the limit, not the end, ended this page
 */
public record LogPage(List<LogFrame> frames, @Nullable String next, boolean more) {
  public LogPage {
    frames = List.copyOf(frames);
  }
}
