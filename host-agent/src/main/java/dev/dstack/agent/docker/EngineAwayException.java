package dev.dstack.agent.docker;

import java.io.IOException;

/** The engine does not answer; it may be restarting. */
public final class EngineAwayException extends IOException {
  private static final long serialVersionUID = 1L;

  EngineAwayException(String message, Throwable cause) {
    super(message, cause);
  }
}
