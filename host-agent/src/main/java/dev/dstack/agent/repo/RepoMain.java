package dev.dstack.agent.repo;

import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The process of {@link RepoProcess}: a {@link CheckoutSpec} comes in, an {@link Answer} goes out.
 */
public final class RepoMain {
  private RepoMain() {}

  /**
   * @param problem absent: none
   */
  public record Answer(RepoCheckout.@Nullable Outcome outcome, @Nullable String problem) {}

  public static void main(String[] args) throws IOException {
    CheckoutSpec spec = Json.lenient().readValue(System.in.readAllBytes(), CheckoutSpec.class);
    Answer answer;
    try {
      String archive = spec.archive();
      answer =
          new Answer(
              RepoCheckout.run(
                  spec.request(),
                  archive == null ? null : Path.of(archive),
                  Path.of(spec.directory())),
              null);
    } catch (RepoException e) {
      answer = new Answer(null, e.getMessage());
    } catch (RuntimeException | LinkageError e) {
      answer = new Answer(null, "repos: " + e);
    } catch (OutOfMemoryError e) {
      answer = new Answer(null, "repos: the repository is too large for the memory of the host");
    }
    System.out.write(Json.lenient().writeValueAsBytes(answer));
    System.out.flush();
    // Threads of libraries are not waited for.
    Runtime.getRuntime().halt(0);
  }
}
