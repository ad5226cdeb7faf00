package dev.dstack.agent.ssh;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** Through a forward of the real client, as an attached CLI does it. */
@EnabledIf(
    value = "dev.dstack.agent.ssh.JobSshServerTest#toolsAreThere",
    disabledReason = "needs openssh-client, rsync and tmux")
class LogSocketTest {
  private final HttpClient http = HttpClient.newHttpClient();
  private SshFixture fixture;
  private Process tunnel;
  private int port;

  @BeforeEach
  void start() throws Exception {
    fixture = new SshFixture();
    port = SshFixture.freePort();
    tunnel =
        new ProcessBuilder(
                fixture.with("ssh", "-N", "-L", "127.0.0.1:" + port + ":localhost:10999", "task"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    SshFixture.await(
        "the forward",
        () -> {
          try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
          } catch (IOException e) {
            return false;
          }
        });
  }

  @AfterEach
  void stop() throws Exception {
    http.shutdownNow();
    tunnel.destroy();
    tunnel.waitFor(10, TimeUnit.SECONDS);
    fixture.close();
  }

  @Test
  void theLogComesFromTheStartThenAsItGrowsAndThenItEnds() throws Exception {
    append("first\n");
    Reader reader = open("/logs_ws");

    reader.awaitText("first\n");
    append("secönd \u001b[31mred\n");
    reader.awaitText("first\nsecönd \u001b[31mred\n");
    append("last, without an end of line");
    fixture.complete = true;
    fixture.log.appended();

    assertThat(reader.closed.get(30, TimeUnit.SECONDS)).isEqualTo(1000);
    assertThat(reader.text()).endsWith("last, without an end of line");
    assertThat(fixture.server.awaitLogReaders(SshFixture.DEADLINE)).isTrue();
  }

  @Test
  void megabytesComeWholeToASlowReader() throws Exception {
    byte[] line = "0123456789abcdef\n".repeat(1000).getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 1000; i++) {
      Files.write(fixture.logFile, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }
    fixture.complete = true;
    Reader reader = open("/logs_ws");

    reader.closed.get(60, TimeUnit.SECONDS);

    assertThat(reader.bytes.size()).isEqualTo(1000 * line.length);
  }

  @Test
  void aStartTimeSkipsWhatWasBefore() throws Exception {
    Instant now = Instant.parse("2026-01-01T10:00:00Z");
    append("old\n");
    fixture.clock.mark(0, now);
    fixture.clock.mark(4, now.plusSeconds(60));
    append("new\n");
    fixture.complete = true;

    Reader reader =
        open(
            "/logs_ws?start_time="
                + URLEncoder.encode("2026-01-01T11:01:10+01:00", StandardCharsets.UTF_8));

    reader.closed.get(30, TimeUnit.SECONDS);
    assertThat(reader.text()).isEqualTo("new\n");
  }

  @Test
  void aBadStartTimeIsRefusedWithAReason() throws Exception {
    Reader reader = open("/logs_ws?start_time=yesterday");

    assertThat(reader.closed.get(30, TimeUnit.SECONDS)).isEqualTo(1003);
  }

  @Test
  void aPingIsAnswered() throws Exception {
    Reader reader = open("/logs_ws");
    reader.socket.sendPing(ByteBuffer.wrap("hello".getBytes(StandardCharsets.UTF_8))).join();

    assertThat(reader.pong.get(30, TimeUnit.SECONDS)).isEqualTo("hello");
    reader.socket.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
    assertThat(reader.closed.get(30, TimeUnit.SECONDS)).isEqualTo(1000);
  }

  @Test
  void anythingElseIsRefused() throws Exception {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(30_000);
      socket
          .getOutputStream()
          .write("GET /other HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
          .startsWith("HTTP/1.1 404 ");
    }
  }

  private void append(String text) throws IOException {
    Files.writeString(fixture.logFile, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private Reader open(String path) throws Exception {
    Reader reader = new Reader();
    reader.socket =
        http.newWebSocketBuilder()
            .buildAsync(URI.create("ws://127.0.0.1:" + port + path), reader)
            .get(30, TimeUnit.SECONDS);
    return reader;
  }

  private static final class Reader implements WebSocket.Listener {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final CompletableFuture<Integer> closed = new CompletableFuture<>();
    private final CompletableFuture<String> pong = new CompletableFuture<>();
    private WebSocket socket;

    @Override
    public CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
      byte[] piece = new byte[data.remaining()];
      data.get(piece);
      synchronized (bytes) {
        bytes.writeBytes(piece);
      }
      from.request(1);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<?> onPong(WebSocket from, ByteBuffer message) {
      pong.complete(StandardCharsets.UTF_8.decode(message).toString());
      from.request(1);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public CompletionStage<?> onClose(WebSocket from, int status, String reason) {
      closed.complete(status);
      return CompletableFuture.completedFuture(null);
    }

    @Override
    public void onError(WebSocket from, Throwable error) {
      closed.completeExceptionally(error);
    }

    private String text() {
      synchronized (bytes) {
        return bytes.toString(StandardCharsets.UTF_8);
      }
    }

    private void awaitText(String text) throws InterruptedException {
      SshFixture.await("the log", () -> text().equals(text));
    }
  }
}
