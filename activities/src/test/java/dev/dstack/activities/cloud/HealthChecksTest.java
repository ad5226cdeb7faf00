package dev.dstack.activities.cloud;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.dstack.activities.Fixture;
import dev.dstack.activities.host.HttpHostAgent;
import dev.dstack.backends.AgentAddress;
import dev.dstack.db.metrics.HostCheck;
import dev.dstack.db.metrics.HostChecks;
import dev.dstack.model.agent.HostHealth;
import dev.dstack.model.agent.HostHealth.Level;
import dev.dstack.model.ids.InstanceId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A host that says how its accelerators are, and what is kept of that. */
class HealthChecksTest {
  private static final Instant START = Instant.parse("2026-11-20T10:00:00Z");

  private final Fixture fixture = new Fixture();
  private final HttpClient http = HttpHostAgent.client();
  private final AtomicReference<Instant> now = new AtomicReference<>(START);
  private final AtomicReference<String> answer = new AtomicReference<>("");
  private final InstanceId instance = new InstanceId(UUID.randomUUID());
  private HttpServer host;
  private HttpHostAgent agent;
  private HostChecks store;
  private HealthChecks.Watch watch;

  @BeforeEach
  void open() throws IOException {
    host = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    host.createContext(
        "/v1/health",
        exchange -> {
          byte[] body = answer.get().getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(
              body.length == 0 ? 404 : body[0] == '{' ? 200 : 500,
              body.length == 0 ? -1 : body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    host.start();
    URI uri = URI.create("http://127.0.0.1:" + host.getAddress().getPort());
    agent = new HttpHostAgent(http, new AgentAddress(uri, "token"));
    store = new HostChecks(fixture.worker);
    watch = new HealthChecks(store, now::get, Duration.ofMinutes(1)).watch(instance);
  }

  @AfterEach
  void close() {
    host.stop(0);
    http.close();
    fixture.close();
  }

  @Test
  void itIsAskedOnceAMinute() {
    answer.set("{\"level\": \"HEALTHY\", \"incidents\": []}");
    look(0);
    look(59);
    answer.set("{\"level\": \"FAILURE\", \"incidents\": [\"GPU 0: memory\"]}");
    look(60);
    // A clock that is set back does not silence it.
    look(-3600);
    assertThat(checks())
        .containsExactly(
            new HostCheck(
                START.plusSeconds(60), new HostHealth(Level.FAILURE, List.of("GPU 0: memory"))),
            new HostCheck(START, new HostHealth(Level.HEALTHY, List.of())),
            new HostCheck(
                START.minusSeconds(3600), new HostHealth(Level.FAILURE, List.of("GPU 0: memory"))));
  }

  @Test
  void aHostThatCanNotTellIsNotBroken() {
    look(0);
    answer.set("broken");
    look(60);
    host.stop(0);
    look(120);
    assertThat(checks()).isEmpty();
  }

  private void look(long seconds) {
    now.set(START.plusSeconds(seconds));
    watch.look(() -> agent);
  }

  private List<HostCheck> checks() {
    return store.of(instance, null, null, 100);
  }
}
