package dev.dstack.db.log;

import dev.dstack.model.agent.LogFrame;
import java.util.List;

/**
 * Frames in the order asked for.
 *
 * @param next where to go on; for a follower also when there is nothing more yet
 * @param more whether the limit, not the end, ended this page
 */
public record LogPage(List<LogFrame> frames, long next, boolean more) {
  public LogPage {
    frames = List.copyOf(frames);
  }
}
