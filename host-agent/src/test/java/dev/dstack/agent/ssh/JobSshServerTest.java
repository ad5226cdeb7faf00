package dev.dstack.agent.ssh;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** With the client that people have. */
@EnabledIf(value = "toolsAreThere", disabledReason = "needs openssh-client, rsync and tmux")
class JobSshServerTest {
  private static final int LARGE_BYTES = Integer.getInteger("ssh.test.megabytes", 40) * 1_000_000;

  private static final Duration GIGABYTE = Duration.ofMinutes(5);

  private SshFixture fixture;

  static boolean toolsAreThere() {
    return List.of("ssh", "sftp", "scp", "rsync", "tmux", "ssh-agent", "ssh-add").stream()
        .allMatch(
            tool ->
                Arrays.stream(System.getenv("PATH").split(":"))
                    .anyMatch(place -> Files.isExecutable(Path.of(place, tool))));
  }

  @BeforeEach
  void start() throws IOException {
    fixture = new SshFixture();
  }

  @AfterEach
  void stop() throws IOException {
    fixture.close();
  }

  @Test
  void aCommandHasItsStreamsItsStatusAndTheTasksEnvironment() {
    SshFixture.Result result =
        fixture.ssh("task", "echo $DSTACK_RUN_NAME 'two  words'; pwd; echo wrong >&2; exit 7");

    assertThat(result.out()).isEqualTo("brave-fox two  words\n" + fixture.work + "\n");
    assertThat(result.error()).isEqualTo("wrong\n");
    assertThat(result.status()).isEqualTo(7);
  }

  @Test
  void inputReachesACommandToItsEnd() {
    assertThat(
            SshFixture.run(
                    "/bin/sh",
                    "-c",
                    "seq 100000 | ssh -F \"$0\" task 'cksum'; seq 100000 | cksum",
                    fixture.directory + "/config")
                .out()
                .lines())
        .hasSize(2)
        .satisfies(lines -> assertThat(lines.get(0)).isEqualTo(lines.get(1)));
  }

  @Test
  void aCommandThatASignalEndedIsToldAsSuch() {
    SshFixture.Result result = fixture.ssh("-v", "task", "kill -TERM $$");

    assertThat(result.status()).isEqualTo(255);
    assertThat(result.error()).contains("exit-signal");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ed25519", "ecdsa", "rsa"})
  void everyKindOfKeyLetsIn(String kind) throws IOException {
    Files.writeString(fixture.directory.resolve("config"), fixture.config(kind));

    assertThat(fixture.ssh("task", "true").status()).isZero();
  }

  @Test
  void anotherKeyAndAPasswordDoNotLetIn() throws IOException {
    SshFixture.run(
        "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", fixture.directory + "/other");
    Files.writeString(fixture.directory.resolve("config"), fixture.config("other"));

    SshFixture.Result result = fixture.ssh("-o", "BatchMode=yes", "task", "echo in");

    assertThat(result.status()).isEqualTo(255);
    assertThat(result.out()).isEmpty();
    assertThat(result.error()).contains("Permission denied (publickey)");
    assertThat(fixture.usage.now().connections()).isZero();
  }

  @Test
  void theServersOwnKeyIsKept() throws IOException {
    String first = Files.readString(fixture.directory.resolve("host-key"));

    assertThat(first).contains("OPENSSH PRIVATE KEY");
    assertThat(Keys.host(null, fixture.directory.resolve("host-key")).getPublic())
        .isEqualTo(Keys.host(first, Path.of("/nowhere")).getPublic());
    assertThat(Files.getPosixFilePermissions(fixture.directory.resolve("host-key"))).hasSize(2);
  }

  @Test
  void aTerminalHasTheWindowsSizeAndKeys() throws Exception {
    String socket = fixture.directory + "/tmux";
    tmux(
        socket,
        "new-session",
        "-d",
        "-x",
        "91",
        "-y",
        "27",
        "env TERM=xterm-256color ssh -F " + fixture.directory + "/config task");
    try {
      type(socket, "PS1=ready-; stty size; tty; echo $TERM $SSH_TTY");
      awaitScreen(socket, "27 91");
      awaitScreen(socket, "/dev/pts/");
      awaitScreen(socket, "xterm-256color /dev/pts/");
      tmux(socket, "resize-window", "-x", "103", "-y", "33");
      type(
          socket, "until [ \"$(stty size)\" = '33 103' ]; do :; done; stty size | sed 's/ / by /'");
      awaitScreen(socket, "33 by 103");
      // Only what is said by the program itself shows that it has the terminal.
      type(socket, "sh -c 'echo run''ning; exec sleep 1000'");
      awaitScreen(socket, "running");
      tmux(socket, "send-keys", "C-c");
      type(socket, "echo aft''er $?");
      awaitScreen(socket, "after 130");
      type(socket, "clear; exit 5");
      SshFixture.await("the session ends", () -> screen(socket).isEmpty());
    } finally {
      tmux(socket, "kill-server");
    }
  }

  @Test
  void aProgramOnATerminalEndsWithTheConnection() throws Exception {
    Path pid = fixture.work.resolve("pid");
    Process ssh =
        new ProcessBuilder(
                fixture.with("ssh", "-tt", "task", "echo $$ > pid.tmp; mv pid.tmp pid; sleep 1000"))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    SshFixture.await("the program runs", () -> Files.exists(pid));
    ProcessHandle program =
        ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).orElseThrow();
    ssh.destroyForcibly();

    SshFixture.await("the program has ended", () -> !program.isAlive());
  }

  @Test
  void outputOfMegabytesIsComplete() throws IOException {
    SshFixture.Result result = fixture.ssh("task", "head -c 20000000 /dev/zero | tr '\\0' x");

    assertThat(result.out()).hasSize(20_000_000);
  }

  @Test
  void filesGoBothWaysBySftpScpAndRsync() throws Exception {
    Path large = fixture.directory.resolve("large");
    byte[] random = new byte[1_000_000];
    new Random(4).nextBytes(random);
    try (OutputStream out = Files.newOutputStream(large)) {
      for (int i = 0; i < LARGE_BYTES / random.length; i++) {
        random[i % random.length]++;
        out.write(random);
      }
    }
    String sum = sum(large);
    String config = fixture.directory + "/config";
    Path batch = fixture.directory.resolve("batch");
    Path back = fixture.directory.resolve("back");
    Files.writeString(
        batch,
        "put %s here\nget here %s\nmkdir d\nrename here d/there\nln -s there d/link\nls -l d\n"
            .formatted(large, back));

    SshFixture.Result sftp = SshFixture.run("sftp", "-F", config, "-b", batch.toString(), "task");

    assertThat(sftp.status()).as(sftp.error()).isZero();
    assertThat(sftp.out()).contains("there").contains("link");
    assertThat(sum(back)).isEqualTo(sum);
    assertThat(sum(fixture.work.resolve("d/link"))).isEqualTo(sum);

    assertThat(SshFixture.run("scp", "-F", config, "-p", "task:d/there", back.toString()).status())
        .isZero();
    assertThat(sum(back)).isEqualTo(sum);

    Files.delete(back);
    assertThat(
            SshFixture.run("rsync", "-a", "-e", "ssh -F " + config, large.toString(), "task:copy")
                .status())
        .isZero();
    assertThat(sum(fixture.work.resolve("copy"))).isEqualTo(sum);
    assertThat(
            SshFixture.run("rsync", "-a", "-e", "ssh -F " + config, "task:copy", back.toString())
                .status())
        .isZero();
    assertThat(sum(back)).isEqualTo(sum);
  }

  /** A gigabyte that can't be packed, and rsync's own comparison of both sides afterwards. */
  @Test
  void rsyncCopiesAGigabyteExactly() throws Exception {
    Path large = fixture.directory.resolve("large");
    Path copy = fixture.work.resolve("copy");
    // Two copies of it must fit with room to spare.
    long size = Math.min(1_000_000_000, Files.getFileStore(fixture.work).getUsableSpace() / 4);
    MessageDigest digest = MessageDigest.getInstance("SHA-1");
    byte[] block = new byte[1 << 20];
    new Random(5).nextBytes(block);
    try (OutputStream out = Files.newOutputStream(large)) {
      for (long left = size; left > 0; left -= block.length) {
        // No block is like another, however they are cut.
        for (int i = 0; i < block.length; i += 512) {
          block[i] += (byte) (left >> 20);
        }
        int length = (int) Math.min(left, block.length);
        out.write(block, 0, length);
        digest.update(block, 0, length);
      }
    }
    String config = fixture.directory + "/config";
    List<String> rsync = List.of("rsync", "-a", "--whole-file", "-e", "ssh -F " + config);
    List<String> command = new ArrayList<>(rsync);
    command.addAll(List.of(large.toString(), "task:copy"));

    SshFixture.Result copied = SshFixture.run(GIGABYTE, command.toArray(String[]::new));

    assertThat(copied.status()).as(copied.error()).isZero();
    assertThat(Files.size(copy)).isEqualTo(size);
    assertThat(sum(copy, "SHA-1")).isEqualTo(HexFormat.of().formatHex(digest.digest()));
    command.addAll(1, List.of("--checksum", "--dry-run", "--itemize-changes"));
    SshFixture.Result compared = SshFixture.run(GIGABYTE, command.toArray(String[]::new));
    assertThat(compared.status()).as(compared.error()).isZero();
    assertThat(compared.out()).isEmpty();
  }

  @Test
  void manyForwardedPortsWorkAtOnce() throws Exception {
    int ports = 50;
    List<ServerSocket> echoes = new ArrayList<>();
    List<Integer> local = new ArrayList<>();
    List<String> arguments = new ArrayList<>(List.of("-N"));
    for (int i = 0; i < ports; i++) {
      ServerSocket echo = echo();
      echoes.add(echo);
      int port = SshFixture.freePort();
      local.add(port);
      arguments.add("-L");
      arguments.add("127.0.0.1:" + port + ":localhost:" + echo.getLocalPort());
    }
    arguments.add("task");
    Process tunnel = tunnel(arguments.toArray(String[]::new));
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      awaitPort(local.getLast());
      List<Callable<Boolean>> talks = new ArrayList<>();
      for (int port : local) {
        talks.add(() -> talk(port, 300_000));
      }
      for (Future<Boolean> talk : executor.invokeAll(talks)) {
        assertThat(talk.get(60, TimeUnit.SECONDS)).isTrue();
      }
    } finally {
      end(tunnel);
      for (ServerSocket echo : echoes) {
        echo.close();
      }
    }
  }

  @Test
  void aPortOfTheTaskLeadsToTheClient() throws Exception {
    int port = SshFixture.freePort();
    try (ServerSocket echo = echo()) {
      Process tunnel = tunnel("-N", "-R", port + ":127.0.0.1:" + echo.getLocalPort(), "task");
      try {
        awaitPort(port);
        assertThat(talk(port, 100_000)).isTrue();
      } finally {
        end(tunnel);
      }
    }
    SshFixture.await("the port is closed", () -> !reachable(port));
  }

  @Test
  void socketsAreForwardedBothWays() throws Exception {
    Path inTask = fixture.directory.resolve("task.sock");
    Path atClient = fixture.directory.resolve("client.sock");
    Path backHere = fixture.directory.resolve("back.sock");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(inTask));
      Thread.ofVirtual().start(() -> answer(server));
      Process tunnel =
          tunnel("-N", "-L", atClient + ":" + inTask, "-R", backHere + ":" + atClient, "task");
      try {
        SshFixture.await("both sockets", () -> Files.exists(atClient) && Files.exists(backHere));
        assertThat(ask(atClient)).isEqualTo("from the socket");
        assertThat(ask(backHere)).isEqualTo("from the socket");
      } finally {
        end(tunnel);
      }
    }
  }

  @Test
  void aDynamicForwardReachesWhateverTheTaskReaches() throws Exception {
    int port = SshFixture.freePort();
    try (ServerSocket echo = echo()) {
      Process tunnel = tunnel("-N", "-D", "127.0.0.1:" + port, "task");
      try {
        awaitPort(port);
        java.net.Proxy proxy =
            new java.net.Proxy(
                java.net.Proxy.Type.SOCKS, new java.net.InetSocketAddress("127.0.0.1", port));
        try (Socket socket = new Socket(proxy)) {
          socket.connect(new java.net.InetSocketAddress("127.0.0.1", echo.getLocalPort()));
          assertThat(talk(socket, 10_000)).isTrue();
        }
      } finally {
        end(tunnel);
      }
    }
  }

  @Test
  void theClientsAgentCanBeAskedFromTheTask() throws Exception {
    Path socket = fixture.directory.resolve("agent");
    Process agent =
        new ProcessBuilder("ssh-agent", "-D", "-a", socket.toString())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      SshFixture.await("the agent", () -> Files.exists(socket));
      Map<String, String> environment = Map.of("SSH_AUTH_SOCK", socket.toString());
      SshFixture.run(environment, "ssh-add", fixture.directory + "/rsa");
      String list = SshFixture.run(environment, "ssh-add", "-l").out();

      SshFixture.Result result =
          SshFixture.run(
              environment,
              fixture.with("ssh", "-A", "-o", "IdentityAgent=SSH_AUTH_SOCK", "task", "ssh-add -l"));

      assertThat(result.status()).as(result.error()).isZero();
      assertThat(result.out()).isEqualTo(list).contains("RSA");
    } finally {
      agent.destroy();
      agent.waitFor(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void withoutAShellFilesStillWorkAndThePersonIsTold() throws IOException {
    fixture.shells = List.of("/no/shell");
    Files.writeString(fixture.work.resolve("file"), "content");

    SshFixture.Result command = fixture.ssh("task", "ls");
    SshFixture.Result copy =
        SshFixture.run(
            "scp",
            "-s",
            "-F",
            fixture.directory + "/config",
            "task:file",
            fixture.directory + "/copy");

    assertThat(command.status()).isEqualTo(127);
    assertThat(command.error()).contains("no shell").contains("/no/shell").contains("sftp");
    assertThat(copy.status()).as(copy.error()).isZero();
    assertThat(fixture.directory.resolve("copy")).hasContent("content");
  }

  @Test
  void nothingIsStartedAfterTheJobsEnd() {
    fixture.running = false;

    SshFixture.Result result = fixture.ssh("task", "echo in");

    assertThat(result.status()).isEqualTo(126);
    assertThat(result.error()).contains("The job has ended");
  }

  @Test
  void onlyTheHarmlessVariablesOfAClientAreTaken() {
    SshFixture.Result result =
        SshFixture.run(
            Map.of("LC_TIME", "C", "LD_PRELOAD_X", "bad", "NO_COLOR", "1"),
            fixture.with(
                "ssh",
                "-o",
                "SendEnv=LC_TIME LD_PRELOAD_X NO_COLOR",
                "task",
                "echo $LC_TIME-$LD_PRELOAD_X-$NO_COLOR"));

    assertThat(result.out()).isEqualTo("C--1\n");
  }

  // --- helpers -----------------------------------------------------------------------------------

  private Process tunnel(String... arguments) throws IOException {
    return new ProcessBuilder(fixture.with("ssh", arguments))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static void end(Process process) throws InterruptedException {
    process.destroy();
    process.waitFor(10, TimeUnit.SECONDS);
  }

  private static void awaitPort(int port) throws InterruptedException {
    SshFixture.await("port " + port, () -> reachable(port));
  }

  private static boolean reachable(int port) {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean talk(int port, int bytes) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return talk(socket, bytes);
    }
  }

  private static boolean talk(Socket socket, int bytes) throws IOException {
    socket.setSoTimeout(60_000);
    byte[] sent = new byte[bytes];
    new Random(bytes).nextBytes(sent);
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                socket.getOutputStream().write(sent);
                socket.shutdownOutput();
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
    return Arrays.equals(sent, socket.getInputStream().readAllBytes());
  }

  private static ServerSocket echo() throws IOException {
    ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                while (true) {
                  Socket socket = server.accept();
                  Thread.ofVirtual().start(() -> echo(socket));
                }
              } catch (IOException e) {
                // Closed at the end of the test.
                return;
              }
            });
    return server;
  }

  private static void echo(Socket socket) {
    try (socket;
        InputStream in = socket.getInputStream()) {
      in.transferTo(socket.getOutputStream());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void answer(ServerSocketChannel server) {
    try {
      while (true) {
        try (SocketChannel channel = server.accept()) {
          channel.write(ByteBuffer.wrap("from the socket".getBytes(StandardCharsets.UTF_8)));
        }
      }
    } catch (IOException e) {
      // Closed at the end of the test.
      return;
    }
  }

  private static String ask(Path socket) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      return new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static void tmux(String socket, String... arguments) {
    List<String> command = new ArrayList<>(List.of("tmux", "-S", socket, "-f", "/dev/null"));
    command.addAll(Arrays.asList(arguments));
    SshFixture.run(command.toArray(String[]::new));
  }

  private static void type(String socket, String line) {
    tmux(socket, "send-keys", "-l", line);
    tmux(socket, "send-keys", "Enter");
  }

  private static String screen(String socket) {
    return SshFixture.run("tmux", "-S", socket, "capture-pane", "-p").out();
  }

  private static void awaitScreen(String socket, String text) throws InterruptedException {
    SshFixture.await("'" + text + "' on the screen", () -> screen(socket).contains(text));
  }

  private static String sum(Path file) throws Exception {
    return sum(file, "SHA-256");
  }

  private static String sum(Path file, String algorithm) throws Exception {
    MessageDigest digest = MessageDigest.getInstance(algorithm);
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[1 << 16];
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        digest.update(buffer, 0, count);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
