package dev.dstack.cli.spec;

import dev.dstack.cli.CliException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The words that were given, by the names of {@link Spec}. */
public final class Args {
  private final Map<String, List<String>> options;
  private final List<String> positionals;

  Args(Map<String, List<String>> options, List<String> positionals) {
    this.options = options;
    this.positionals = positionals;
  }

  public boolean has(String option) {
    return options.containsKey(option);
  }

  public @Nullable String text(String option) {
    List<String> texts = texts(option);
    return texts.isEmpty() ? null : texts.getLast();
  }

  public String text(String option, String otherwise) {
    String text = text(option);
    return text == null ? otherwise : text;
  }

  public int number(String option, int otherwise) {
    String text = text(option);
    return text == null ? otherwise : Integer.parseInt(text);
  }

  /** A number of at least one. */
  public int positive(String option, int otherwise) {
    int number = number(option, otherwise);
    if (number < 1 && has(option)) {
      throw CliException.usage(option + " must be at least 1, not " + number);
    }
    return number;
  }

  public List<String> texts(String option) {
    return options.getOrDefault(option, List.of());
  }

  public String positional(int index) {
    return positionals.get(index);
  }

  public @Nullable String optionalPositional(int index) {
    return index < positionals.size() ? positionals.get(index) : null;
  }

  /** The words after the named ones. */
  public List<String> rest(int from) {
    return from < positionals.size()
        ? List.copyOf(positionals.subList(from, positionals.size()))
        : List.of();
  }
}
