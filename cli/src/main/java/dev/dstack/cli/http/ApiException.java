package dev.dstack.cli.http;

import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The server answered, and not with what was asked for. */
public final class ApiException extends CliException {
  private static final long serialVersionUID = 1L;

  /**
   * One of the problems the server names.
   *
   * @param location names and indexes from the request's body to the field; empty where it is about
   *     no field
   */
  public record Problem(String message, @Nullable String code, List<Object> location) {
    public Problem {
      location = List.copyOf(location);
    }
  }

  private final int status;
  private final transient List<Problem> problems;

  ApiException(int status, List<Problem> problems, String message) {
    super(ExitCode.FAILED, message, null);
    this.status = status;
    this.problems = List.copyOf(problems);
  }

  public int status() {
    return status;
  }

  public List<Problem> problems() {
    return problems;
  }

  public boolean isNotFound() {
    return hasCode("resource_not_exists");
  }

  public boolean hasCode(String code) {
    return problems.stream().anyMatch(problem -> code.equals(problem.code()));
  }
}
