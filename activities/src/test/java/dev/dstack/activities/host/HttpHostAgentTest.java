package dev.dstack.activities.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.backends.AgentAddress;
import dev.dstack.model.agent.StopRequest;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.job.JobTerminationReason;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A connection that an agent closes just when it is used again. */
class HttpHostAgentTest {
  private final HttpClient http = HttpHostAgent.client();
  private final List<String> seen = new CopyOnWriteArrayList<>();
  private final StopRequest stop = new StopRequest(JobTerminationReason.ABORTED_BY_USER, 0);
  private volatile int silent;
  private ServerSocket listener;
  private HttpHostAgent agent;

  @BeforeEach
  void open() throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::serve);
    agent =
        new HttpHostAgent(
            http,
            new AgentAddress(URI.create("http://127.0.0.1:" + listener.getLocalPort()), "token"));
  }

  @AfterEach
  void close() throws IOException {
    listener.close();
    http.close();
  }

  @Test
  void aCallIsMadeOnceMore() {
    silent = 1;
    assertThat(agent.stop(new JobId(UUID.randomUUID()), stop)).isEmpty();
    assertThat(seen).hasSize(2).allMatch(line -> line.startsWith("POST /v1/tasks/"));
  }

  @Test
  void anAgentThatStaysSilentIsUnreachable() {
    silent = 100;
    unreachable(() -> agent.stop(new JobId(UUID.randomUUID()), stop));
    assertThat(seen).hasSize(2);
  }

  @Test
  void aBodyThatIsUsedUpIsNotSentAgain() {
    silent = 1;
    byte[] body = "archive".getBytes(StandardCharsets.UTF_8);
    unreachable(
        () -> agent.putArchive("0".repeat(64), body.length, new ByteArrayInputStream(body)));
    assertThat(seen).hasSize(1);
  }

  private static void unreachable(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            DstackException.class,
            e -> assertThat(e.kind()).isEqualTo(ErrorKind.AGENT_UNREACHABLE));
  }

  /** One request of each connection; the first so many get no answer. */
  private void serve() {
    while (!listener.isClosed()) {
      try (Socket socket = listener.accept()) {
        String head = head(socket.getInputStream());
        seen.add(head.lines().findFirst().orElse(""));
        if (seen.size() > silent) {
          socket
              .getOutputStream()
              .write(
                  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                      .getBytes(StandardCharsets.US_ASCII));
        }
      } catch (IOException e) {
        // The caller is gone, or the test is over.
      }
    }
  }

  private static String head(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int next = in.read();
      if (next < 0) {
        break;
      }
      head.append((char) next);
    }
    return head.toString();
  }
}
