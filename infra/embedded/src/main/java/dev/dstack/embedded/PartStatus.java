package dev.dstack.embedded;

import java.nio.file.Path;
import java.time.Instant;

/**
 * One supervised part, for a health page.
 *
 * @param message what is known beyond the state: why it was restarted, or an empty text
 * @param restarts how often it was started anew after it had ended by itself
 */
public record PartStatus(
    String name,
    State state,
    String version,
    long pid,
    int port,
    int restarts,
    Instant since,
    String message,
    Path log) {
  public enum State {
    STARTING,
    RUNNING,
    /** It ended by itself and is started anew, with pauses that grow. */
    RESTARTING,
    STOPPED
  }
}
