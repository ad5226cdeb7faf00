package dev.dstack.cli;

import dev.dstack.cli.data.Doc;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.sshd.common.config.keys.PublicKeyEntry;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.server.forward.AcceptAllForwardingFilter;
import org.apache.sshd.server.keyprovider.SimpleGeneratorHostKeyProvider;

/** What a job is to a client: an SSH server that forwards, and its output as a WebSocket. */
final class FakeJob implements AutoCloseable {
  private static final int LOGS = 10_999;

  private volatile SshServer ssh;
  private final ServerSocket logs;
  private final Path directory;
  private final Path key;
  private final List<Socket> readers = new CopyOnWriteArrayList<>();
  private final List<byte[]> sent = new ArrayList<>();

  /** Null where the port of the output is taken on this machine. */
  static FakeJob start(Path directory) throws Exception {
    ServerSocket logs;
    try {
      logs = new ServerSocket(LOGS, 16, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      return null;
    }
    return new FakeJob(directory, logs);
  }

  private FakeJob(Path directory, ServerSocket logs) throws Exception {
    this.logs = logs;
    key = directory.resolve("user-key");
    Process keygen =
        new ProcessBuilder(
                "ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-C", "user", "-f", key.toString())
            .redirectErrorStream(true)
            .start();
    keygen.getInputStream().readAllBytes();
    keygen.waitFor();
    this.directory = directory;
    ssh = serve(0);
    Thread.ofVirtual().start(this::accept);
  }

  private SshServer serve(int port) throws IOException {
    String line = publicKey();
    SshServer server = SshServer.setUpDefaultServer();
    server.setHost("127.0.0.1");
    server.setPort(port);
    server.setKeyPairProvider(new SimpleGeneratorHostKeyProvider(directory.resolve("host-key")));
    server.setPublickeyAuthenticator(
        (user, offered, session) -> line.startsWith(PublicKeyEntry.toString(offered)));
    server.setForwardingFilter(AcceptAllForwardingFilter.INSTANCE);
    server.start();
    return server;
  }

  int port() {
    return ssh.getPort();
  }

  String publicKey() throws IOException {
    return Files.readString(key.resolveSibling("user-key.pub")).strip();
  }

  /** The answer to `users/get_my_user`. */
  Map<String, Object> user() throws IOException {
    Map<String, Object> user = new HashMap<>();
    user.put("username", "admin");
    user.put("ssh_public_key", publicKey());
    user.put("ssh_private_key", Files.readString(key));
    return user;
  }

  /** A run whose job is this one. */
  Map<String, Object> run(Map<String, Object> run, int number, Integer... ports)
      throws IOException {
    Map<String, Object> submission = Shapes.copy(Doc.of(run).get("latest_job_submission"));
    submission.put("submission_num", (long) number);
    submission.put("id", "00000000-0000-4000-8000-00000000000" + number);
    Map<String, Object> provisioning = Shapes.copy(Doc.of(submission).get("job_provisioning_data"));
    provisioning.put("ssh_port", (long) port());
    submission.put("job_provisioning_data", provisioning);
    Map<String, Object> changed = new HashMap<>(run);
    Map<String, Object> spec = Shapes.copy(Doc.of(run).get("run_spec"));
    spec.put("ssh_key_pub", publicKey());
    changed.put("run_spec", spec);
    Map<String, Object> job = Shapes.copy(Doc.of(run).get("jobs").first());
    Map<String, Object> jobSpec = Shapes.copy(Doc.of(job).get("job_spec"));
    jobSpec.put("app_specs", apps(ports));
    job.put("job_spec", jobSpec);
    job.put("job_submissions", List.of(submission));
    changed.put("jobs", List.of(job));
    changed.put("latest_job_submission", submission);
    return changed;
  }

  static List<Object> apps(Integer... ports) {
    List<Object> apps = new ArrayList<>();
    for (Integer port : ports) {
      Map<String, Object> app = new HashMap<>();
      app.put("port", (long) port);
      app.put("map_to_port", null);
      app.put("app_name", "app");
      apps.add(app);
    }
    return apps;
  }

  private void accept() {
    while (!logs.isClosed()) {
      try {
        Socket socket = logs.accept();
        Thread.ofVirtual().start(() -> greet(socket));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void greet(Socket socket) {
    try {
      String head = head(socket.getInputStream());
      String key =
          head.lines()
              .filter(line -> line.startsWith("Sec-WebSocket-Key: "))
              .map(line -> line.substring("Sec-WebSocket-Key: ".length()).strip())
              .findFirst()
              .orElseThrow();
      byte[] hash =
          MessageDigest.getInstance("SHA-1")
              .digest(
                  (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
                      .getBytes(StandardCharsets.US_ASCII));
      synchronized (sent) {
        socket
            .getOutputStream()
            .write(
                ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        + "Sec-WebSocket-Accept: "
                        + Base64.getEncoder().encodeToString(hash)
                        + "\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
        for (byte[] message : sent) {
          frame(socket.getOutputStream(), 2, message);
        }
        readers.add(socket);
      }
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static String head(InputStream in) throws IOException {
    StringBuilder head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      int c = in.read();
      if (c < 0) {
        throw new IOException("no request");
      }
      head.append((char) c);
    }
    return head.toString();
  }

  boolean isRead() {
    return !readers.isEmpty();
  }

  void says(String text) throws IOException {
    byte[] message = text.getBytes(StandardCharsets.UTF_8);
    synchronized (sent) {
      sent.add(message);
      for (Socket reader : readers) {
        frame(reader.getOutputStream(), 9, new byte[] {1}); // pings in between mean nothing
        frame(reader.getOutputStream(), 2, message);
      }
    }
  }

  /** All has been said. */
  void ends() throws IOException {
    synchronized (sent) {
      for (Socket reader : readers) {
        frame(reader.getOutputStream(), 8, new byte[] {3, (byte) 0xe8});
      }
      readers.clear();
      sent.clear();
    }
  }

  /** The connections to the output end without a word. */
  void breaksOff() throws IOException {
    synchronized (sent) {
      for (Socket reader : readers) {
        reader.close();
      }
      readers.clear();
    }
  }

  private static void frame(OutputStream out, int kind, byte[] payload) throws IOException {
    out.write(0x80 | kind);
    if (payload.length < 126) {
      out.write(payload.length);
    } else {
      out.write(126);
      out.write(payload.length >> 8);
      out.write(payload.length & 0xff);
    }
    out.write(payload);
    out.flush();
  }

  /** The SSH server ends all connections and takes new ones. */
  void losesConnections() throws IOException {
    int same = port();
    ssh.stop(true);
    ssh = serve(same);
  }

  @Override
  public void close() throws IOException {
    logs.close();
    ssh.stop(true);
  }
}
