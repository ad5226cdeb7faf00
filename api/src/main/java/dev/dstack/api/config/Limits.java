package dev.dstack.api.config;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Limits that the operator may set.
 *
 * @param uploadBytes of archives and diffs; 0 is no limit but the one of the HTTP server
 * @param projectsPerUser that one user may own; 0 is no limit
 */
public record Limits(long uploadBytes, int projectsPerUser) {
  /** Specifications are kept in histories and rows; code belongs into files and repositories. */
  public static final int SPEC_BYTES = 256 << 10;

  public static final Limits STANDARD = new Limits(2L << 20, 10);

  /** From the environment of the server. */
  public static Limits of(Map<String, String> env) {
    return new Limits(
        number(env, "DSTACK_SERVER_CODE_UPLOAD_LIMIT", STANDARD.uploadBytes),
        (int) number(env, "DSTACK_USER_PROJECT_DEFAULT_QUOTA", STANDARD.projectsPerUser));
  }

  private static long number(Map<String, String> env, String name, long otherwise) {
    @Nullable String text = env.get(name);
    if (text == null || text.isBlank()) {
      return otherwise;
    }
    try {
      return Math.max(0, Math.min(Integer.MAX_VALUE, Long.parseLong(text.strip())));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(name + " is \"" + text + "\"; it must be a number", e);
    }
  }
}
