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
  private static final List<Object> CONFIGURATION = List.of("run_spec", "configuration");
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
    if (location.size() < 2 || !location.subList(0, 2).equals(CONFIGURATION)) {
      return null;
    }
    List<Object> path = location.subList(2, location.size());
    // Some servers name the type of the configuration on the way to its field.
    return !path.isEmpty() && TYPES.contains(String.valueOf(path.getFirst()))
        ? path.subList(1, path.size())
        : path;
  }
}
