package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * A private registry of images, Debian's docker-registry with a user {@code ada} whose password is
 * {@code secret}. It is reached through a gate that can hold back what it sends.
 */
public final class Registry implements AutoCloseable {
  public static final Path PROGRAM = Path.of("/usr/bin/docker-registry");
  public static final String USER = "ada";
  public static final String PASSWORD = "secret";

  /** Of that password. */
  private static final String HASH = "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

  private final Process process;
  private final int port;
  private final ServerSocket gate;
  private final Object lock = new Object();
  private long left = Long.MAX_VALUE;

  private Registry(Process process, int port, ServerSocket gate) {
    this.process = process;
    this.port = port;
    this.gate = gate;
  }

  public static Registry start(Path directory) throws IOException {
    Files.createDirectories(directory);
    int port = ServerProcess.freePort();
    Path users = Files.writeString(directory.resolve("htpasswd"), USER + ":" + HASH + "\n");
    Path config =
        Files.writeString(
            directory.resolve("config.yml"),
            """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: %s}}
            http: {addr: 127.0.0.1:%d, relativeurls: true}
            auth: {htpasswd: {realm: test, path: %s}}
            """
                .formatted(directory.resolve("store"), port, users));
    Path log = directory.resolve("registry.log");
    Process process =
        new ProcessBuilder(PROGRAM.toString(), "serve", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    Registry registry =
        new Registry(process, port, new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    Thread.ofVirtual().start(registry::relay);
    Await.until(
        "the registry answers",
        Duration.ofSeconds(60),
        () -> {
          try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
          }
        },
        () -> ServerProcess.tail(log, 2000));
    return registry;
  }

  /** What stands before the names of its images. */
  public String host() {
    return "127.0.0.1:" + gate.getLocalPort();
  }

  /** From now on it sends so many bytes and no more. */
  public void hold(long bytes) {
    synchronized (lock) {
      left = bytes;
    }
  }

  public void release() {
    synchronized (lock) {
      left = Long.MAX_VALUE;
      lock.notifyAll();
    }
  }

  /** Copies a local image to it under another name; the engine forgets both names of the copy. */
  public void push(Path directory, String image, String name) {
    String copy = host() + "/" + name;
    Path config = directory.resolve("docker-config");
    docker(config, "login", "-u", USER, "-p", PASSWORD, host());
    Docker.run("tag", image, copy).ok();
    docker(config, "push", copy);
    Docker.run("image", "rm", copy).ok();
  }

  private static void docker(Path config, String... arguments) {
    Command command = new Command(List.of("docker", "--config", config.toString())).with(arguments);
    command.run().ok();
  }

  private void relay() {
    while (!gate.isClosed()) {
      try {
        Socket here = gate.accept();
        Socket there = new Socket(InetAddress.getLoopbackAddress(), port);
        Thread.ofVirtual().start(() -> copy(here, there, false));
        Thread.ofVirtual().start(() -> copy(there, here, true));
      } catch (IOException e) {
        // Closed, or one connection less.
      }
    }
  }

  private void copy(Socket from, Socket to, boolean held) {
    byte[] buffer = new byte[16 * 1024];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        if (held) {
          pass(count);
        }
        out.write(buffer, 0, count);
      }
    } catch (IOException e) {
      // One of them went away, and with it the other.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void pass(int count) throws InterruptedException {
    synchronized (lock) {
      while (left < count) {
        lock.wait();
      }
      left -= left == Long.MAX_VALUE ? 0 : count;
    }
  }

  @Override
  public void close() {
    release();
    process.destroy();
    try {
      process.waitFor();
      gate.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
