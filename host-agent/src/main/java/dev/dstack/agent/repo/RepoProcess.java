package dev.dstack.agent.repo;

import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import tools.jackson.core.JacksonException;

/**
 * {@link RepoCheckout} in a process of its own, which takes as much memory as a large repository
 * needs, for as long as it needs it, and may run as another user.
 */
public final class RepoProcess {
  public static final Duration AT_MOST = Duration.ofHours(2);

  /** Flags of its Java; the main class follows. */
  public static final List<String> FLAGS =
      List.of(
          "-Xmx1g",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-XX:-UsePerfData",
          "-XX:MinHeapFreeRatio=10",
          "-Xlog:disable",
          "-Dslf4j.internal.verbosity=ERROR");

  private static final int MAX_ANSWER_BYTES = 64 * 1024;

  private RepoProcess() {}

  /** Argv up to the main class with the Java and the class path of this process. */
  public static List<String> thisJava() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(FLAGS);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    return command;
  }

  /**
   * Returns when the repository is in its place. Interrupted, it ends the process.
   *
   * @param java argv up to the main class; may begin with a program that changes the user
   * @throws RepoException it can't be, and why
   */
  public static RepoCheckout.Outcome run(List<String> java, CheckoutSpec spec)
      throws RepoException, IOException, InterruptedException {
    List<String> command = new ArrayList<>(java);
    command.add(RepoMain.class.getName());
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try {
      // Not as an argument: it holds credentials.
      try (OutputStream out = process.getOutputStream()) {
        out.write(Json.lenient().writeValueAsBytes(spec));
      }
      byte[] answer = process.getInputStream().readNBytes(MAX_ANSWER_BYTES);
      if (!process.waitFor(AT_MOST.toSeconds(), TimeUnit.SECONDS)) {
        throw new RepoException("repos: it took longer than " + AT_MOST.toHours() + " h");
      }
      RepoMain.Answer parsed;
      try {
        parsed = Json.lenient().readValue(answer, RepoMain.Answer.class);
      } catch (JacksonException e) {
        throw new RepoException(
            "repos: the process that clones ended with status "
                + process.exitValue()
                + (process.exitValue() == 137 ? ", killed: is there enough memory?" : "")
                + " "
                + new String(answer, StandardCharsets.UTF_8).strip(),
            e);
      }
      String problem = parsed.problem();
      if (problem != null) {
        throw new RepoException(problem);
      }
      return parsed.outcome() == null ? RepoCheckout.Outcome.DONE : parsed.outcome();
    } finally {
      process.destroyForcibly();
    }
  }
}
