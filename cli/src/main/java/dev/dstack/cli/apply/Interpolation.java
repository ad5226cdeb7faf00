package dev.dstack.cli.apply;

import dev.dstack.cli.CliException;
import java.util.List;
import java.util.Map;

/**
 * Fills in {@code ${{ run.args }}} and {@code ${{ env.X }}}. What the server fills in ({@code
 * secrets}, {@code groups}) stays as it is; {@code $$} is one dollar.
 */
final class Interpolation {
  private static final String OPEN = "${{";
  private static final String CLOSE = "}}";

  private Interpolation() {}

  static String fill(String text, Map<String, String> values, String where) {
    StringBuilder filled = new StringBuilder();
    int at = 0;
    while (at < text.length()) {
      int dollar = text.indexOf('$', at);
      if (dollar < 0 || dollar == text.length() - 1) {
        break;
      }
      filled.append(text, at, dollar);
      if (text.charAt(dollar + 1) == '$') {
        filled.append('$');
        at = dollar + 2;
      } else if (text.startsWith(OPEN, dollar)) {
        int end = text.indexOf(CLOSE, dollar);
        if (end < 0) {
          throw CliException.failure(where + "`" + text.substring(dollar) + "` has no closing }}");
        }
        String name = text.substring(dollar + OPEN.length(), end).strip();
        at = end + CLOSE.length();
        String value = values.get(name);
        if (value != null) {
          filled.append(value);
        } else if (isForTheServer(name)) {
          filled.append(text, dollar, at);
        } else {
          throw CliException.failure(where + "`" + name + "` is not known here");
        }
      } else {
        filled.append('$');
        at = dollar + 1;
      }
    }
    return filled.append(text, Math.min(at, text.length()), text.length()).toString();
  }

  private static boolean isForTheServer(String name) {
    return name.startsWith("secrets.") || name.startsWith("groups[") || name.startsWith("dstack.");
  }

  /** Words as a shell reads them back. */
  static String quoted(List<String> words) {
    StringBuilder line = new StringBuilder();
    for (String word : words) {
      if (!line.isEmpty()) {
        line.append(' ');
      }
      line.append(isPlain(word) ? word : "'" + word.replace("'", "'\"'\"'") + "'");
    }
    return line.toString();
  }

  private static boolean isPlain(String word) {
    return !word.isEmpty()
        && word.chars()
            .allMatch(
                c -> c < 128 && (Character.isLetterOrDigit(c) || "_@%+=:,./-".indexOf(c) >= 0));
  }
}
