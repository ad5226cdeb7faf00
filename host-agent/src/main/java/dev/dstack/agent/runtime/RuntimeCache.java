package dev.dstack.agent.runtime;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import dev.dstack.agent.ssh.Rehearsal;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Makes the cache of classes with which a runner starts in a third of the time. It is bound to the
 * host's processor, so it is made here, once, by a runner whose command does nothing. Without it
 * everything works, only slower.
 */
public final class RuntimeCache {
  static final String FILE = RuntimeLayout.CACHE_DIRECTORY + "/runner.aot";

  private static final String TRIAL = "training-";
  private static final long STEP_SECONDS = 300;
  private static final int VISITS = 100;
  private static final long VISIT_MILLIS = 300;
  private static final int PIECE_BYTES = 16 * 1024;

  private static final String REQUEST =
      """
      {"id": "00000000-0000-4000-8000-000000000000",
       "command": ["/bin/sh", "-c", "for i in $(seq 60); do [ -e IO/seen ] && exit; sleep 1; done"],
       "env": {"A": "B"}, "image_env": {}, "working_dir": null, "files": [], "repo": null,
       "access": {"authorized_keys": ["KEY"], "host_key": null, "inter_node_key": null},
       "ssh_port": PORT, "ssh_loopback_only": true}
      """;

  private RuntimeCache() {}

  /** Returns at once; the cache comes later. */
  public static void prepare(RuntimeLayout runtime, AgentLog log) {
    if (Files.exists(runtime.directory().resolve(FILE))) {
      return;
    }
    Thread.ofPlatform()
        .daemon()
        .name("runtime-cache")
        .start(
            () -> {
              try {
                make(runtime);
                log.info("containers start fast from now on: " + FILE + " is made");
              } catch (IOException e) {
                log.warn("containers will start slowly: " + FILE + " could not be made", e);
              } catch (InterruptedException e) {
                log.info(FILE + " is not made, the agent ends");
              }
            });
  }

  /** Nothing is done when it exists already. */
  static void make(RuntimeLayout runtime) throws IOException, InterruptedException {
    Path root = runtime.directory();
    Path cache = root.resolve(FILE);
    Path directory = root.resolve(RuntimeLayout.CACHE_DIRECTORY);
    Files.createDirectories(directory);
    try (FileChannel file =
            FileChannel.open(
                directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock _ = file.lock()) {
      removeLeftTrials(directory);
      if (Files.exists(cache)) {
        return;
      }
      Path io = Files.createTempDirectory(directory, TRIAL);
      try {
        int port = freePort();
        Rehearsal rehearsal = new Rehearsal();
        Files.writeString(
            io.resolve("request.json"),
            REQUEST
                .replace("PORT", Integer.toString(port))
                .replace("IO", io.toString())
                .replace("KEY", rehearsal.publicKey()));
        Path recorded = io.resolve("recorded");
        String end = "-XX:AOTConfiguration=" + recorded;
        Thread visitor =
            Thread.ofPlatform().daemon().name("rehearsal").start(() -> visit(rehearsal, port, io));
        run(
            instead(runtime.runnerCommand(root, io.toString()), List.of("-XX:AOTMode=record", end)),
            io);
        visitor.interrupt();
        Path made = io.resolve("made");
        run(
            instead(
                runtime.runnerCommand(root, io.toString()),
                List.of("-XX:AOTMode=create", end, "-XX:AOTCache=" + made)),
            io);
        // A cache that Java refuses keeps every runner from starting; better none than that.
        run(
            trial(
                instead(
                    runtime.runnerCommand(root, io.toString()), List.of("-XX:AOTCache=" + made))),
            io);
        Path small = io.resolve("small");
        inSmallPages(made, small);
        Files.setPosixFilePermissions(small, PosixFilePermissions.fromString("rw-r--r--"));
        Files.move(small, cache, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Durable.removeTree(io);
      }
    }
  }

  /** Of agents that ended in the middle; who has the lock is the only one to try. */
  private static void removeLeftTrials(Path directory) throws IOException {
    try (DirectoryStream<Path> left = Files.newDirectoryStream(directory, TRIAL + "*")) {
      for (Path trial : left) {
        Durable.removeTree(trial);
      }
    }
  }

  /**
   * A file is in memory in pieces as large as those it was written in, and Linux gives a process
   * the whole piece with each byte that it looks at.
   */
  private static void inSmallPages(Path from, Path to) throws IOException {
    try (InputStream in = Files.newInputStream(from);
        OutputStream out = Files.newOutputStream(to)) {
      byte[] piece = new byte[PIECE_BYTES];
      for (int read = in.read(piece); read >= 0; read = in.read(piece)) {
        out.write(piece, 0, read);
      }
    }
  }

  /** What a login needs is worth having in the cache; without it people only wait a little. */
  private static void visit(Rehearsal rehearsal, int port, Path io) {
    try {
      for (int i = 0; i < VISITS && !Files.exists(io.resolve("seen")); i++) {
        TimeUnit.MILLISECONDS.sleep(VISIT_MILLIS);
        if (logsIn(rehearsal, port)) {
          Files.createFile(io.resolve("seen"));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      // The directory is gone, the trial is over.
      return;
    }
  }

  private static boolean logsIn(Rehearsal rehearsal, int port) {
    try {
      rehearsal.logIn(port);
      return true;
    } catch (IOException e) {
      // It is not up yet.
      return false;
    }
  }

  private static List<String> instead(List<String> command, List<String> flags) {
    List<String> changed = new ArrayList<>();
    for (String argument : command) {
      if (argument.startsWith("-XX:AOTCache=")) {
        changed.addAll(flags);
      } else {
        changed.add(argument);
      }
    }
    return changed;
  }

  /** The same machine, which only says what it is. */
  private static List<String> trial(List<String> command) {
    List<String> changed =
        new ArrayList<>(command.subList(0, command.indexOf(RuntimeLayout.RUNNER_MAIN)));
    changed.add("-version");
    return changed;
  }

  private static void run(List<String> command, Path io) throws IOException, InterruptedException {
    List<String> polite = new ArrayList<>();
    if (Files.isExecutable(Path.of("/usr/bin/nice"))) {
      polite.addAll(List.of("/usr/bin/nice", "-n", "15"));
    }
    polite.addAll(command);
    Path said = io.resolve("said");
    ProcessBuilder builder =
        new ProcessBuilder(polite).redirectErrorStream(true).redirectOutput(said.toFile());
    // With what the agent has in its environment a container has nothing to do.
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/bin:/bin");
    Process process = builder.start();
    try {
      if (!process.waitFor(STEP_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        String text = Files.readString(said, StandardCharsets.ISO_8859_1).strip();
        throw new IOException(
            "a trial of the runner "
                + (process.isAlive() ? "did not end" : "ended with " + process.exitValue())
                + (text.isEmpty() ? "" : ": " + text.substring(0, Math.min(300, text.length()))));
      }
    } finally {
      process.destroyForcibly();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket =
        new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
      return socket.getLocalPort();
    }
  }
}
