package dev.dstack.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** An engine that a test may stop and start again. It has no network but the host's. */
final class OwnEngine implements AutoCloseable {
  private final Path directory;
  private final List<String> options;
  private Process process;

  OwnEngine(Path directory, String... options) {
    this.directory = directory;
    this.options = List.of(options);
  }

  String host() {
    return "unix://" + directory.resolve("docker.sock");
  }

  void start() {
    try {
      Files.createDirectories(directory);
      List<String> command =
          new ArrayList<>(
              List.of(
                  "dockerd",
                  "--data-root",
                  directory.resolve("data").toString(),
                  "--exec-root",
                  directory.resolve("exec").toString(),
                  "--pidfile",
                  directory.resolve("pid").toString(),
                  "--host",
                  host(),
                  "--bridge=none",
                  "--iptables=false",
                  "--ip6tables=false",
                  "--ip-forward=false",
                  "--shutdown-timeout=10"));
      command.addAll(options);
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("log").toFile()))
              .start();
      AgentProcess.until(
          "the engine answers",
          () -> {
            try {
              new Docker(host()).run("version");
              return true;
            } catch (AssertionError e) {
              return false;
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void stop() {
    process.destroy();
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    if (process == null) {
      return;
    }
    if (process.isAlive()) {
      Docker docker = new Docker(host());
      docker.containers().forEach(name -> docker.run("rm", "--force", name));
    }
    stop();
    try {
      // What the engine has mounted below its directory, deepest first.
      for (String mount :
          Files.readAllLines(Path.of("/proc/self/mounts")).stream()
              .map(line -> line.split(" ")[1])
              .filter(path -> path.startsWith(directory + "/"))
              .sorted(Comparator.reverseOrder())
              .toList()) {
        new ProcessBuilder("umount", "--lazy", mount).start().waitFor();
      }
      Durable.removeTree(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
