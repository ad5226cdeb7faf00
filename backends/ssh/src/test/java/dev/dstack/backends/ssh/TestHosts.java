package dev.dstack.backends.ssh;

import dev.dstack.backends.PrivateKey;
import dev.dstack.backends.SshHostSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Hosts made by infra/scripts/ssh-host.sh, on one network. */
final class TestHosts implements AutoCloseable {
  private static final Path SCRIPT =
      Path.of("../../infra/scripts/ssh-host.sh").toAbsolutePath().normalize();

  private final Path directory;
  private final Path network;
  private final List<TestHost> hosts = new ArrayList<>();

  TestHosts() {
    try {
      directory = Files.createTempDirectory("dstack-hosts");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    network = directory.resolve("network");
    run("network", network.toString());
  }

  /** Also tried: root of a container may not be allowed to. */
  static boolean possible() {
    return hasPrograms() && mayMakeNetworks();
  }

  private static boolean mayMakeNetworks() {
    try (TestHosts _ = new TestHosts()) {
      exec(List.of("unshare", "--mount", "--net", "--pid", "--fork", "true"));
      return true;
    } catch (IllegalStateException e) {
      return false;
    }
  }

  private static boolean hasPrograms() {
    return "root".equals(System.getProperty("user.name"))
        && List.of("/usr/sbin/sshd", "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/ssh-keygen")
            .stream()
            .allMatch(file -> Files.isExecutable(Path.of(file)))
        && Stream.of("/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip")
            .anyMatch(file -> Files.isExecutable(Path.of(file)));
  }

  static boolean withDocker() {
    return Files.isExecutable(Path.of("/usr/sbin/dockerd"))
        || Files.isExecutable(Path.of("/usr/bin/dockerd"));
  }

  /** A key pair with OpenSSH's own tool; the public key lies beside it with .pub. */
  Path key(String type, String passphrase) {
    Path file = directory.resolve("key-" + type + "-" + passphrase.length());
    if (!Files.exists(file)) {
      exec(List.of("ssh-keygen", "-q", "-t", type, "-N", passphrase, "-f", file.toString()));
    }
    return file;
  }

  static PrivateKey privateKey(Path file) {
    return privateKey(file, null);
  }

  static PrivateKey privateKey(Path file, String passphrase) {
    try {
      return new PrivateKey(Files.readString(file), passphrase);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * @param settings files as the script explains; {@code authorized_keys} is made of the keys
   */
  TestHost boot(Map<String, String> settings, Path... keys) {
    TestHost host = new TestHost(hosts.size() + 10);
    hosts.add(host);
    try {
      Files.createDirectories(host.home);
      Map<String, String> all = new LinkedHashMap<>(settings);
      StringBuilder authorized = new StringBuilder();
      for (Path key : keys) {
        authorized.append(Files.readString(Path.of(key + ".pub")));
      }
      all.put("authorized_keys", authorized.toString());
      for (Map.Entry<String, String> setting : all.entrySet()) {
        Files.writeString(host.home.resolve(setting.getKey()), setting.getValue());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    host.start();
    return host;
  }

  final class TestHost {
    final int number;
    final Path home;

    TestHost(int number) {
      this.number = number;
      this.home = directory.resolve("host-" + number);
    }

    String address() {
      try {
        return Files.readString(network.resolve("subnet")).strip() + "." + number;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    Path disk() {
      return home.resolve("disk");
    }

    SshHostSpec as(String user, PrivateKey... keys) {
      return new SshHostSpec(address(), 22, user, List.of(keys), null, null, null, null, Map.of());
    }

    void start() {
      run("start", home.toString(), network.toString(), Integer.toString(number));
    }

    void stop() {
      run("stop", home.toString());
    }

    void cut() {
      run("cut", home.toString());
    }

    void join() {
      run("join", home.toString());
    }
  }

  private static void run(String... arguments) {
    List<String> command = new ArrayList<>(List.of("bash", SCRIPT.toString()));
    command.addAll(List.of(arguments));
    exec(command);
  }

  private static void exec(List<String> command) {
    try {
      Path said = Files.createTempFile("dstack-said", ".txt");
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(said.toFile())
              .start();
      boolean ended = process.waitFor(120, TimeUnit.SECONDS);
      String text = Files.readString(said);
      Files.delete(said);
      if (!ended || process.exitValue() != 0) {
        process.destroyForcibly();
        throw new IllegalStateException(command + ": " + text);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hosts.forEach(TestHost::stop);
    if (Files.exists(network.resolve("bridge"))) {
      run("end", network.toString());
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
