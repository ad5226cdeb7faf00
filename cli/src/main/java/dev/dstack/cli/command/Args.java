package dev.dstack.cli.command;

import dev.dstack.cli.CliException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParseResult;

/** The words that were given, by the names of {@link Spec}. */
public final class Args {
  private final ParseResult result;

  Args(ParseResult result) {
    this.result = result;
  }

  public boolean has(String option) {
    return result.hasMatchedOption(option);
  }

  public @Nullable String text(String option) {
    return has(option) ? result.matchedOptionValue(option, "") : null;
  }

  public String text(String option, String otherwise) {
    String text = text(option);
    return text == null ? otherwise : text;
  }

  public int number(String option, int otherwise) {
    Integer number = has(option) ? result.matchedOptionValue(option, otherwise) : (Integer) otherwise;
    return number == null ? otherwise : number;
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
    List<String> texts = result.matchedOptionValue(option, List.of());
    return texts == null ? List.of() : texts;
  }

  public String positional(int index) {
    String text = optionalPositional(index);
    if (text == null) {
      throw CliException.usage("An argument is missing");
    }
    return text;
  }

  public @Nullable String optionalPositional(int index) {
    return result.hasMatchedPositional(index) ? result.matchedPositionalValue(index, "") : null;
  }

  /** The words after the named ones. */
  public List<String> rest(int from) {
    List<String> rest = result.matchedPositionalValue(from, List.of());
    return rest == null ? List.of() : rest;
  }
}
