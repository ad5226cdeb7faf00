package dev.dstack.server;

import java.time.Duration;

/** Numbers from the environment. */
final class Variables {
  private Variables() {}

  static Duration seconds(String variable, Duration otherwise) {
    return Duration.ofSeconds(number(variable, otherwise.toSeconds()));
  }

  /**
   * @throws StartupException when it is none
   */
  static long number(String variable, long otherwise) {
    String text = System.getenv(variable);
    if (text == null || text.isBlank()) {
      return otherwise;
    }
    try {
      return Math.max(0, Long.parseLong(text.strip()));
    } catch (NumberFormatException e) {
      throw new StartupException(variable + " is \"" + text + "\"; it must be a number.");
    }
  }
}
