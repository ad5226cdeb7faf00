package dev.dstack.e2e.harness;

import dev.dstack.e2e.harness.Api.Reply;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** Every request and answer of this JVM's tests, so that the contract is checked on all of them. */
public final class Exchanges {
  /** As written to the file that the contract check reads. */
  public record Exchange(
      String method, String path, @Nullable String request, int status, String response) {}

  private static final ConcurrentLinkedQueue<Exchange> ALL = new ConcurrentLinkedQueue<>();
  private static final int LIMIT = 20_000;

  private Exchanges() {}

  static void record(String method, String path, @Nullable String request, Reply reply) {
    // While a crash test has PostgreSQL down, 503 is the right answer, and upstream's document has
    // no word for it.
    boolean outage = reply.status() == 503 && reply.text().contains("(PostgreSQL)");
    if (!outage && ALL.size() < LIMIT) {
      ALL.add(new Exchange(method, path, request, reply.status(), reply.text()));
    }
  }

  public static List<Exchange> all() {
    return List.copyOf(ALL);
  }
}
