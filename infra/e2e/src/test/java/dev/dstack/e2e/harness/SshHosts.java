package dev.dstack.e2e.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Hosts with namespaces of their own and real sshd, made by infra/scripts/ssh-host.sh. */
public final class SshHosts implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(120);
  private static final Path SCRIPT =
      Repository.root().resolve("infra/scripts/ssh-host.sh").toAbsolutePath();

  private final Path directory;
  private final Path key;
  private final List<Host> hosts = new ArrayList<>();

  public SshHosts() {
    try {
      directory = Files.createTempDirectory("dstack-hosts");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    key = directory.resolve("key");
    new Command(List.of("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.toString()))
        .run()
        .ok();
    script("network", network().toString());
  }

  /**
   * Root, namespaces, sshd and an engine; also tried, as root of a container may not be allowed to.
   */
  public static boolean possible() {
    if (!hasPrograms()) {
      return false;
    }
    try (SshHosts _ = new SshHosts()) {
      new Command(List.of("unshare", "--mount", "--net", "--pid", "--fork", "true")).run().ok();
      return true;
    } catch (AssertionError e) {
      return false;
    }
  }

  private static boolean hasPrograms() {
    return "root".equals(System.getProperty("user.name"))
        && Stream.of("/usr/sbin/sshd", "/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/ssh")
            .allMatch(file -> Files.isExecutable(Path.of(file)))
        && Stream.of("/usr/sbin/dockerd", "/usr/bin/dockerd")
            .anyMatch(file -> Files.isExecutable(Path.of(file)));
  }

  private Path network() {
    return directory.resolve("network");
  }

  /** The private key that may log in to every host. */
  public Path key() {
    return key;
  }

  /**
   * With a Docker Engine and an image {@code box} of busybox.
   *
   * @param settings files as the script explains
   */
  public synchronized Host prepare(Map<String, String> settings) {
    Host host = new Host(directory.resolve("host-" + hosts.size()), hosts.size() + 10);
    hosts.add(host);
    try {
      Files.createDirectories(host.home().resolve("images"));
      Files.copy(Path.of(key + ".pub"), host.home().resolve("authorized_keys"));
      Files.writeString(host.home().resolve("docker"), "");
      for (Map.Entry<String, String> setting : settings.entrySet()) {
        Files.writeString(host.home().resolve(setting.getKey()), setting.getValue());
      }
      box(host.home().resolve("images/box.tar"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return host;
  }

  private void box(Path tar) throws IOException {
    Path root = directory.resolve("box");
    Path bin = Files.createDirectories(root.resolve("bin"));
    Path busybox = bin.resolve("busybox");
    if (!Files.exists(busybox)) {
      Files.copy(Path.of("/bin/busybox"), busybox);
      for (String tool : "sh cat echo hostname id sleep ls env true seq".split(" ")) {
        Files.createSymbolicLink(bin.resolve(tool), Path.of("busybox"));
      }
    }
    new Command(List.of("tar", "-C", root.toString(), "-cf", tar.toString(), ".")).run().ok();
  }

  /** A host; it is off until it is started. */
  public final class Host {
    private final Path home;
    private final int number;

    Host(Path home, int number) {
      this.home = home;
      this.number = number;
    }

    Path home() {
      return home;
    }

    public String address() {
      try {
        return Files.readString(network().resolve("subnet")).strip() + "." + number;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    public void start() {
      script("start", home.toString(), network().toString(), Integer.toString(number));
    }

    public void cut() {
      script("cut", home.toString());
    }

    public void join() {
      script("join", home.toString());
    }

    /** Nobody logs in as root there. */
    public boolean hasUser() {
      return Files.exists(home.resolve("user"));
    }

    /** Where everything of the agent is on its disk. */
    public Path agent() {
      return home.resolve("disk/agent");
    }
  }

  private static void script(String... arguments) {
    List<String> command = new ArrayList<>(List.of("bash", SCRIPT.toString()));
    command.addAll(List.of(arguments));
    new Command(command).limit(LIMIT).run().ok();
  }

  @Override
  public void close() {
    hosts.forEach(host -> script("stop", host.home().toString()));
    if (Files.exists(network().resolve("bridge"))) {
      script("end", network().toString());
    }
    new Command(List.of("rm", "-rf", directory.toString())).run();
  }
}
