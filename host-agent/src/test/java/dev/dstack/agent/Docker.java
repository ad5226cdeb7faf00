package dev.dstack.agent;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The tests' own look at an engine, by its command. */
final class Docker {
  static final String BUSYBOX = "dstack-test/busybox:1";

  private final String host;

  Docker(String host) {
    this.host = host;
  }

  /** The engine that the tests were started with. */
  static Docker ofTests() {
    String host = System.getenv("DOCKER_HOST");
    return new Docker(host == null ? "unix:///var/run/docker.sock" : host);
  }

  String host() {
    return host;
  }

  /** Options of an agent that uses this engine. */
  List<String> options() {
    return List.of("--docker", host, "--runtime", TestRuntime.directory().toString());
  }

  /** What it printed; a failure is one of the test. */
  String run(String... arguments) {
    return run(new byte[0], arguments);
  }

  String run(byte[] input, String... arguments) {
    List<String> command = new ArrayList<>(List.of("docker", "--host", host));
    command.addAll(List.of(arguments));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      try (var in = process.getOutputStream()) {
        new ByteArrayInputStream(input).transferTo(in);
      }
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (!process.waitFor(120, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new AssertionError(command + ": " + output);
      }
      return output;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** An image with nothing in it but a static busybox and two users. */
  String busybox() {
    return image(BUSYBOX);
  }

  /**
   * The same under another name, or changed.
   *
   * @param options of {@code docker import}, such as {@code --platform linux/arm64}
   */
  String image(String name, String... options) {
    List<String> arguments = new ArrayList<>(List.of("import"));
    arguments.addAll(List.of(options));
    arguments.addAll(List.of("-", name));
    run(rootFileSystem(), arguments.toArray(String[]::new));
    return name;
  }

  /** One that says it is made for another processor. */
  void imageFor(String architecture, String name) {
    try {
      Path work = Files.createTempDirectory("image");
      try {
        byte[] layer = rootFileSystem();
        Files.write(work.resolve("layer.tar"), layer);
        String digest =
            HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(layer));
        Files.writeString(
            work.resolve("config.json"),
            "{\"architecture\":\""
                + architecture
                + "\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\","
                + "\"diff_ids\":[\"sha256:"
                + digest
                + "\"]}}");
        Files.writeString(
            work.resolve("manifest.json"),
            "[{\"Config\":\"config.json\",\"RepoTags\":[\""
                + name
                + "\"],\"Layers\":[\"layer.tar\"]}]");
        Process tar = new ProcessBuilder("tar", "-C", work.toString(), "-c", ".").start();
        run(tar.getInputStream().readAllBytes(), "load");
      } finally {
        Durable.removeTree(work);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] rootFileSystem() {
    try {
      Path root = Files.createTempDirectory("busybox");
      try {
        Files.createDirectories(root.resolve("bin"));
        Files.createDirectories(root.resolve("etc"));
        Files.createDirectories(root.resolve("tmp"));
        Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
        Files.writeString(
            root.resolve("etc/passwd"),
            "root:x:0:0::/root:/bin/sh\njane:x:1234:1234::/home/jane:/bin/sh\n");
        Files.writeString(root.resolve("etc/group"), "root:x:0:\njane:x:1234:\n");
        Process list = new ProcessBuilder("/bin/busybox", "--list").start();
        for (String applet :
            new String(list.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList()) {
          Path link = root.resolve("bin").resolve(applet);
          if (!Files.exists(link)) {
            Files.createSymbolicLink(link, Path.of("busybox"));
          }
        }
        Process tar =
            new ProcessBuilder("tar", "-C", root.toString(), "--owner=0", "--group=0", "-c", ".")
                .start();
        return tar.getInputStream().readAllBytes();
      } finally {
        Durable.removeTree(root);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Names of the agents' containers, whatever their state. */
  List<String> containers() {
    return run("ps", "--all", "--filter", "name=dstack-", "--format", "{{.Names}}")
        .lines()
        .toList();
  }
}
