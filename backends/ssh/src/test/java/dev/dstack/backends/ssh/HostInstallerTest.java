package dev.dstack.backends.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.dstack.backends.RemoteHosts.Installed;
import dev.dstack.backends.RemoteHosts.Owner;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.backends.ssh.HostConnection.Ran;
import dev.dstack.backends.ssh.TestHosts.TestHost;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

@EnabledIf(
    value = "dev.dstack.backends.ssh.TestHosts#possible",
    disabledReason = "needs root, sshd (openssh-server), ip (iproute2) and unshare (util-linux)")
final class HostInstallerTest {
  private static final Duration WITHIN = Duration.ofSeconds(60);
  private static final Owner OWNER = new Owner("d1", "i1", "fleet-0");

  private static TestHosts hosts;
  private static Path key;
  private static HttpClient http;

  private final MemoryKeys pins = new MemoryKeys();
  private final HostInstaller installer = new HostInstaller(InstantSource.system(), http);
  private final AtomicInteger touched = new AtomicInteger();

  @BeforeAll
  static void begin() {
    System.setProperty(
        PackedRuntime.PROPERTY, Path.of("../../host-agent/target/runtime").toString());
    http = HttpClient.newHttpClient();
    hosts = new TestHosts();
    key = hosts.key("ed25519", "");
  }

  @AfterAll
  static void end() {
    hosts.close();
    http.close();
  }

  @Test
  void installsAndStartsAgainAndRemoves() {
    assumeTrue(TestHosts.withDocker(), "needs dockerd (docker.io)");
    TestHost host = hosts.boot(Map.of("docker", ""), key);
    SshHostSpec spec = host.as("root", TestHosts.privateKey(key));
    Path home = host.disk().resolve("agent");
    try (HostConnection connection = new HostConnection(spec, pins)) {
      Installed first = install(connection, spec, OWNER);
      assertThat(first.info().containers()).isTrue();
      assertThat(first.info().resources().cpus()).isPositive();
      assertThat(first.internalIp()).isEqualTo(host.address());
      assertThat(first.network()).endsWith(".0/24");
      assertThat(home.resolve("agent/agent.json")).exists();
      assertThat(said(connection, "cat /proc/net/tcp"))
          .as("the agent listens on loopback only")
          .contains("0100007F:" + String.format("%04X", first.port()))
          .doesNotContain("00000000:" + String.format("%04X", first.port()));

      String agent = said(connection, "cat /var/lib/dstack-agent/agent/agent.json");
      Installed again = install(connection, spec, OWNER);
      assertThat(again.port()).isEqualTo(first.port());
      assertThat(said(connection, "cat /var/lib/dstack-agent/agent/agent.json"))
          .as("an agent that is as it should be is left alone")
          .isEqualTo(agent);

      DstackException taken =
          catchThrowableOfType(
              DstackException.class,
              () ->
                  installer.install(
                      connection,
                      spec,
                      new Owner("d1", "i2", "other-0"),
                      "i1"::equals,
                      touched::incrementAndGet));
      assertThat(taken).hasMessageContaining("is in use already, as instance fleet-0");
      DstackException foreign =
          catchThrowableOfType(
              DstackException.class,
              () -> install(connection, spec, new Owner("d2", "i2", "other-0")));
      assertThat(foreign).hasMessageContaining("used by another dstack server");
      assertThat(touched).as("nothing was done to the host but at the first").hasValue(1);

      String runtime = said(connection, "stat -c %i /var/lib/dstack-agent/runtime/*/VERSION");
      Installed takenOver = install(connection, spec, new Owner("d1", "i3", "next-0"));
      assertThat(takenOver.token()).isNotEqualTo(first.token());
      first = install(connection, spec, OWNER);
      assertThat(first.token()).isNotEqualTo(takenOver.token());
      assertThat(said(connection, "stat -c %i /var/lib/dstack-agent/runtime/*/VERSION"))
          .as("what a given-up instance leaves is ended, and nothing is copied again")
          .isEqualTo(runtime);

      agent = said(connection, "cat /var/lib/dstack-agent/agent/agent.json");
      said(connection, "echo older > /var/lib/dstack-agent/launched");
      Installed upgraded = install(connection, spec, OWNER);
      assertThat(upgraded.token()).isEqualTo(first.token());
      assertThat(said(connection, "cat /var/lib/dstack-agent/agent/agent.json"))
          .isNotEqualTo(agent);

      host.stop();
      host.start();
      assertThat(Eventually.get(() -> installer.find(connection, spec, OWNER))).isEmpty();
      Installed rebooted = install(connection, spec, OWNER);
      assertThat(rebooted.token()).isEqualTo(first.token());
      assertThat(rebooted.info().bootId()).isNotEqualTo(first.info().bootId());

      installer.remove(connection, OWNER);
      installer.remove(connection, OWNER);
      assertThat(home).isEmptyDirectory();
      assertThat(said(connection, "ps ax"))
          .doesNotContain("dev.dstack.agent.Main", "dstack-agent/keep");
    }
  }

  @Test
  void aHostThatIsLostWhileItIsCopiedToIsInstalledAfterwards() throws Exception {
    TestHost host = hosts.boot(Map.of(), key);
    SshHostSpec spec = host.as("root", TestHosts.privateKey(key));
    Path runtimes = host.disk().resolve("agent/runtime");
    try (HostConnection connection = new HostConnection(spec, pins, Duration.ofSeconds(3));
        ExecutorService pool = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<DstackException> silent = pool.submit(() -> refused(connection, spec));
      Eventually.until("half a runtime is there", () -> !halves(runtimes).isEmpty());
      Set<String> first = halves(runtimes);
      host.cut();
      assertThat(silent.get().kind()).as("" + silent.get()).isEqualTo(ErrorKind.AGENT_UNREACHABLE);
      host.join();

      Future<DstackException> off =
          pool.submit(() -> Eventually.get(() -> refusedButReached(connection, spec)));
      Eventually.until("there is another half", () -> !first.containsAll(halves(runtimes)));
      host.stop();
      host.start();
      assertThat(off.get())
          .as("all else is done")
          .hasMessageContaining("Install and start Docker there");
      assertThat(halves(runtimes)).isEmpty();
      installer.remove(connection, OWNER);
      assertThat(host.disk().resolve("agent")).isEmptyDirectory();
    }
  }

  private DstackException refusedButReached(HostConnection connection, SshHostSpec spec) {
    DstackException refused = refused(connection, spec);
    if (refused.kind() == ErrorKind.AGENT_UNREACHABLE) {
      throw refused;
    }
    return refused;
  }

  private static Set<String> halves(Path runtimes) {
    try (Stream<Path> entries = Files.list(runtimes)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> name.startsWith(".half."))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      // Before the first one.
      return Set.of();
    }
  }

  @Test
  void becomesRootBySudoAndSaysThatDockerIsMissing() {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/sudo")), "needs sudo");
    // A wrong clock is no obstacle either.
    TestHost host = hosts.boot(Map.of("user", "ops", "sudo", "", "clock", "-3600"), key);
    SshHostSpec spec = host.as("ops", TestHosts.privateKey(key));
    try (HostConnection connection = new HostConnection(spec, pins)) {
      DstackException refused = refused(connection, spec);
      assertThat(refused.kind()).isEqualTo(ErrorKind.AGENT_REFUSED);
      assertThat(refused)
          .hasMessageContaining("Host ops@" + host.address() + " can't run containers")
          .hasMessageContaining("Install and start Docker there");
      Installed found = installer.find(connection, spec, OWNER).orElseThrow();
      assertThat(found.info().containersMissing()).isNotBlank();
      installer.remove(connection, OWNER);
      assertThat(host.disk().resolve("agent")).isEmptyDirectory();
    }
  }

  @Test
  void saysWhatKeepsItFromInstalling() {
    TestHost host = hosts.boot(Map.of("user", "ops", "disk-size", "64m"), key);
    SshHostSpec spec = host.as("ops", TestHosts.privateKey(key));
    try (HostConnection connection = new HostConnection(spec, pins)) {
      DstackException refused = refused(connection, spec);
      assertThat(refused.kind()).isEqualTo(ErrorKind.FORBIDDEN);
      assertThat(refused).hasMessageContaining("sudo");
      assertThat(touched).as("there is nothing to remove").hasValue(0);
    }
  }

  @Test
  void saysThatTheDiskIsFullAndTakesNoOtherProgramForAnAgent() {
    TestHost host = hosts.boot(Map.of("disk-size", "64m"), key);
    SshHostSpec spec = host.as("root", TestHosts.privateKey(key));
    try (HostConnection connection = new HostConnection(spec, pins)) {
      DstackException refused = refused(connection, spec);
      assertThat(refused.kind()).isEqualTo(ErrorKind.AGENT_REFUSED);
      assertThat(refused)
          .hasMessageContaining("its disk is full: 6")
          .hasMessageContaining("300 MiB");

      assumeTrue(Files.isExecutable(Path.of("/bin/busybox")), "needs busybox (busybox-static)");
      String command =
          """
          mkdir -p /var/lib/dstack-agent/agent && cd /var/lib/dstack-agent && echo 'd1 i1 fleet-0' > owner
          echo secret > agent/token
          (setsid sh -c 'while :; do printf "HTTP/1.0 200 OK\\r\\n\\r\\n<html>hello" | busybox nc -l -p 4321; done' \
            dev.dstack.agent.Main > /dev/null 2>&1 < /dev/null &
            echo "{\\"pid\\":$!,\\"port\\":4321}" > agent/agent.json)
          """;
      said(connection, command);
      DstackException garbage =
          catchThrowableOfType(
              DstackException.class, () -> installer.find(connection, spec, OWNER));
      assertThat(garbage.kind()).isEqualTo(ErrorKind.AGENT_REFUSED);
      assertThat(garbage).hasMessageContaining("is no host agent of this version");
    }
  }

  private Installed install(HostConnection connection, SshHostSpec spec, Owner owner) {
    return installer.install(connection, spec, owner, _ -> false, touched::incrementAndGet);
  }

  private DstackException refused(HostConnection connection, SshHostSpec spec) {
    return catchThrowableOfType(DstackException.class, () -> install(connection, spec, OWNER));
  }

  private static String said(HostConnection connection, String command) {
    Ran ran = connection.run(command, null, WITHIN);
    assertThat(ran.succeeded()).as(ran.err()).isTrue();
    return ran.out().strip();
  }
}
