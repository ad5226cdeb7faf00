package dev.dstack.db;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jooq.JSONB;
import org.jspecify.annotations.Nullable;

/**
 * Makes values storable: PostgreSQL refuses the character NUL in text and in jsonb, and keeps
 * microseconds.
 */
public final class Clean {
  private static final String REPLACEMENT = "\uFFFD";

  private Clean() {}

  public static String text(String text) {
    return text.indexOf('\0') < 0 ? text : text.replace("\0", REPLACEMENT);
  }

  public static @Nullable String textOrNull(@Nullable String text) {
    return text == null ? null : text(text);
  }

  public static JSONB json(String json) {
    return JSONB.valueOf(jsonText(json));
  }

  public static @Nullable JSONB jsonOrNull(@Nullable String json) {
    return json == null ? null : json(json);
  }

  /**
   * Replaces the escape of NUL, and only it: in {@code \\u0000} the backslash itself is escaped.
   */
  static String jsonText(String json) {
    if (!json.contains("\\u0000")) {
      return json;
    }
    StringBuilder clean = new StringBuilder(json.length());
    int at = 0;
    while (at < json.length()) {
      char c = json.charAt(at);
      if (c != '\\' || at + 1 == json.length()) {
        clean.append(c);
        at++;
      } else if (json.startsWith("u0000", at + 1)) {
        clean.append(REPLACEMENT);
        at += 6;
      } else {
        clean.append(c).append(json.charAt(at + 1));
        at += 2;
      }
    }
    return clean.toString();
  }

  /** What PostgreSQL will give back for it; it would round where we cut. */
  public static Instant instant(Instant instant) {
    return instant.truncatedTo(ChronoUnit.MICROS);
  }

  public static @Nullable Instant instantOrNull(@Nullable Instant instant) {
    return instant == null ? null : instant(instant);
  }
}
