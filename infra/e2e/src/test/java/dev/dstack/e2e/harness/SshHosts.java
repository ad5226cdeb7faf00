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
  public Host prepare(Map<String, String> settings) {
    Host host = prepareClosed(settings);
    try {
      Files.copy(Path.of(key + ".pub"), host.home().resolve("authorized_keys"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return host;
  }

  /** As above, and nobody's key may log in. */
  public synchronized Host prepareClosed(Map<String, String> settings) {
    Host host = new Host(directory.resolve("host-" + hosts.size()), hosts.size() + 10);
    hosts.add(host);
    try {
      Files.createDirectories(host.home().resolve("images"));
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

  /** It gets an image {@code nodes} besides: busybox and the client of OpenSSH. */
  public synchronized void addNodesImage(Host host) {
    String script =
        """
        set -eu
        [ ! -d "$2" ] || exec cp "$2.tar" "$3"
        mkdir "$2"
        cp -a "$1/." "$2"
        cd "$2"
        mkdir -p etc root tmp
        echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd
        echo 'root:x:0:' > etc/group
        for file in /usr/bin/ssh $(ldd /usr/bin/ssh | grep -o '/[^ ]*'); do
          install -D "$file" ".$file"
        done
        tar -cf "$2.tar" .
        cp "$2.tar" "$3"
        """;
    String box = directory.resolve("box").toString();
    String root = directory.resolve("nodes").toString();
    String tar = host.home().resolve("images/nodes.tar").toString();
    new Command(List.of("bash", "-c", script, "sh", box, root, tar)).run().ok();
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

    public void powerOff() {
      script("stop", home.toString());
    }

    /** Its first process lives, and so may what that has started. */
    public boolean isOn() {
      try {
        return Processes.alive(Long.parseLong(Files.readString(home.resolve("pid")).strip()));
      } catch (IOException e) {
        return false;
      }
    }

    public void cut() {
      script("cut", home.toString());
    }

    public void join() {
      script("join", home.toString());
    }

    /** Nobody logs in as root there. */
    private boolean hasUser() {
      return Files.exists(home.resolve("user"));
    }

    /** What its user finds there. */
    public Command.Result login(String command) {
      return new Command(
              List.of(
                  "ssh",
                  "-i",
                  key.toString(),
                  "-o",
                  "StrictHostKeyChecking=no",
                  "-o",
                  "UserKnownHostsFile=/dev/null",
                  "-o",
                  "BatchMode=yes",
                  (hasUser() ? "ops" : "root") + "@" + address(),
                  command))
          .run();
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
