package dev.dstack.activities.agent;

import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Puts secrets where a value says <code>${{ secrets.NAME }}</code>; <code>$${{ … }}</code> stands
 * for itself without the first dollar. Other names in braces are left alone.
 */
final class Interpolation {
  private static final Pattern REFERENCE = Pattern.compile("(\\$?)\\$\\{\\{\\s*([^{}]*?)\\s*}}");
  private static final String SECRETS = "secrets.";

  private Interpolation() {}

  /** The names of secrets in these values. */
  static Set<String> secretNames(Iterable<String> values) {
    Set<String> names = new LinkedHashSet<>();
    for (String value : values) {
      REFERENCE
          .matcher(value)
          .results()
          .filter(Interpolation::isSecret)
          .forEach(match -> names.add(match.group(2).substring(SECRETS.length())));
    }
    return names;
  }

  static String interpolate(String value, Map<String, String> secrets) {
    Function<MatchResult, String> replace =
        match -> {
          if (!match.group(1).isEmpty()) {
            return match.group().substring(1);
          }
          String secret =
              isSecret(match) ? secrets.get(match.group(2).substring(SECRETS.length())) : null;
          return secret == null ? match.group() : secret;
        };
    return REFERENCE
        .matcher(value)
        .replaceAll(match -> Matcher.quoteReplacement(replace.apply(match)));
  }

  private static boolean isSecret(MatchResult match) {
    return match.group(1).isEmpty() && match.group(2).startsWith(SECRETS);
  }
}
