package dev.dstack.cli.apply;

import dev.dstack.cli.CliException;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.http.ApiException.Problem;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the server says of a request, told as what is wrong in the file. */
final class FileProblems {
  /** Where requests have the file, those of runs, fleets and volumes. */
  private static final List<List<Object>> PLACES =
      List.of(
          List.of("run_spec", "configuration"),
          List.of("plan", "run_spec", "configuration"),
          List.of("spec", "configuration"),
          List.of("plan", "spec", "configuration"),
          List.of("configuration"));

  private static final List<String> TYPES = List.of("task", "service", "dev-environment");

  private FileProblems() {}

  /** The exception itself where it is about nothing in the file. */
  static CliException shown(ApiException e, ConfigurationFile file) {
    List<String> lines = new ArrayList<>();
    for (Problem problem : e.problems()) {
      List<Object> path = inFile(problem.location());
      if (path != null) {
        String names = String.join(".", path.stream().map(String::valueOf).toList());
        lines.add(file.place(path) + (names.isEmpty() ? "" : names + ": ") + problem.message());
      } else if (problem.location().isEmpty() && problem.message().startsWith("`")) {
        lines.addAll(byField(problem.message(), file));
      } else {
        return e;
      }
    }
    return lines.isEmpty() ? e : CliException.failure(String.join("\n", lines));
  }

  /**
   * {@code `field` what is wrong; `other.field` what is wrong}, as our server says what has no
   * place in JSON.
   */
  private static List<String> byField(String message, ConfigurationFile file) {
    List<String> lines = new ArrayList<>();
    for (String one : message.substring(1).split("; `", -1)) {
      int end = one.indexOf('`');
      List<Object> path = new ArrayList<>();
      if (end > 0) {
        Collections.addAll(path, (Object[]) one.substring(0, end).split("\\.", -1));
      }
      boolean isThere = end > 0 && file.yaml().has(path);
      lines.add((isThere ? file.place(path) : file.label() + ": ") + "`" + one);
    }
    return lines;
  }

  private static @Nullable List<Object> inFile(List<Object> location) {
    List<Object> path = null;
    for (List<Object> place : PLACES) {
      if (location.size() >= place.size() && location.subList(0, place.size()).equals(place)) {
        path = location.subList(place.size(), location.size());
        break;
      }
    }
    if (path == null) {
      return null;
    }
    // Some servers name the type of the configuration on the way to its field.
    return !path.isEmpty() && TYPES.contains(String.valueOf(path.getFirst()))
        ? path.subList(1, path.size())
        : path;
  }
}
