package dev.dstack.model.config;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Why a spec is not accepted.
 *
 * @param field the name people wrote, such as {@code run_name} or {@code retry.duration}
 */
public record SpecProblem(String field, String message) {
  /** One line for a person. */
  public String pretty() {
    return "`" + field + "` " + message;
  }

  public static String pretty(List<SpecProblem> problems) {
    return problems.stream().map(SpecProblem::pretty).collect(Collectors.joining("; "));
  }
}
