package dev.dstack.backends.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.dstack.backends.PrivateKey;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.backends.ssh.HostConnection.Ran;
import dev.dstack.backends.ssh.TestHosts.TestHost;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

@EnabledIf(
    value = "dev.dstack.backends.ssh.TestHosts#possible",
    disabledReason = "needs root, sshd (openssh-server), ip (iproute2) and unshare (util-linux)")
final class HostConnectionTest {
  private static final Duration WITHIN = Duration.ofSeconds(60);
  private static final String PASSPHRASE = "a long passphrase";

  private static TestHosts hosts;
  private static TestHost host;
  private static TestHost other;
  private static Path key;
  private static Path protectedKey;

  private final MemoryKeys pins = new MemoryKeys();

  @BeforeAll
  static void boot() {
    hosts = new TestHosts();
    key = hosts.key("ed25519", "");
    protectedKey = hosts.key("ed25519", PASSPHRASE);
    host = hosts.boot(Map.of(), key, protectedKey, hosts.key("rsa", ""), hosts.key("ecdsa", ""));
    other = hosts.boot(Map.of(), hosts.key("rsa", ""));
  }

  @AfterAll
  static void end() {
    hosts.close();
  }

  @Test
  void logsInWithEachKindOfKey() {
    for (String type : List.of("ed25519", "rsa", "ecdsa")) {
      assertThat(said(host.as("root", TestHosts.privateKey(hosts.key(type, ""))), "id -u"))
          .as(type)
          .isEqualTo("0");
    }
    PrivateKey secret = TestHosts.privateKey(protectedKey, PASSPHRASE);
    assertThat(said(host.as("root", secret), "id -u")).isEqualTo("0");
  }

  @Test
  void triesOneKeyAfterTheOther() {
    PrivateKey[] keys = {
      TestHosts.privateKey(protectedKey, "not this"),
      TestHosts.privateKey(hosts.key("rsa", "")),
      TestHosts.privateKey(key)
    };
    assertThat(said(host.as("root", keys), "id -u")).isEqualTo("0");
  }

  @Test
  void saysWhatIsWrongWithAKey() {
    DstackException locked = fails(host.as("root", TestHosts.privateKey(protectedKey)));
    assertThat(locked.kind()).isEqualTo(ErrorKind.INVALID_SPEC);
    assertThat(locked).hasMessageContaining("is it protected by a passphrase?");
    DstackException wrongPassphrase =
        fails(host.as("root", TestHosts.privateKey(protectedKey, "not this")));
    assertThat(wrongPassphrase).hasMessageContaining("its passphrase is wrong");
    assertThat(fails(host.as("root", new PrivateKey("ssh-ed25519 AAAA", null))))
        .hasMessageContaining("what is given as a private key is none");
    DstackException unknown = fails(other.as("root", TestHosts.privateKey(key)));
    assertThat(unknown.kind()).isEqualTo(ErrorKind.FORBIDDEN);
    assertThat(unknown)
        .hasMessageContaining("root@" + other.address())
        .hasMessageContaining("none of the given keys is authorized");
  }

  @Test
  void goesThroughAnotherHost() {
    SshHostSpec jump = host.as("root", TestHosts.privateKey(key));
    SshHostSpec direct = other.as("root", TestHosts.privateKey(hosts.key("rsa", "")));
    SshHostSpec behind =
        new SshHostSpec(
            direct.hostname(), 22, "root", direct.keys(), jump, null, null, null, Map.of());
    assertThat(said(behind, "echo $SSH_CONNECTION")).startsWith(host.address() + " ");
    assertThat(pins.pins).containsOnlyKeys(host.address() + ":22", other.address() + ":22");
  }

  @Test
  void refusesAHostWhoseKeyHasChanged() {
    SshHostSpec spec = host.as("root", TestHosts.privateKey(key));
    said(spec, "true");
    String shown = pins.pins.get(host.address() + ":22");
    assertThat(shown).startsWith("ssh-ed25519 ");
    assertThat(said(spec, "echo again")).isEqualTo("again");
    said(other.as("root", TestHosts.privateKey(hosts.key("rsa", ""))), "true");
    pins.pins.put(host.address() + ":22", pins.pins.get(other.address() + ":22"));
    DstackException refused = fails(spec);
    assertThat(refused.kind()).isEqualTo(ErrorKind.FORBIDDEN);
    assertThat(refused)
        .hasMessageContaining("The host key of " + host.address() + ":22 has changed")
        .hasMessageContaining(HostKeyCheck.fingerprint(shown));
  }

  @Test
  void saysThatNobodyIsThere() {
    SshHostSpec nobody =
        new SshHostSpec(
            "127.0.0.1",
            1,
            "root",
            List.of(TestHosts.privateKey(key)),
            null,
            null,
            null,
            null,
            Map.of());
    DstackException away = fails(nobody);
    assertThat(away.kind()).isEqualTo(ErrorKind.AGENT_UNREACHABLE);
    assertThat(away)
        .hasMessageContaining("root@127.0.0.1:1")
        .hasMessageContaining("nothing listens");
  }

  @Test
  void comesBackAfterTheCableWasOut() {
    try (HostConnection connection =
        new HostConnection(host.as("root", TestHosts.privateKey(key)), pins)) {
      connection.open();
      assertThat(connection.answers(Duration.ofSeconds(20))).isTrue();
      host.cut();
      try {
        assertThat(connection.answers(Duration.ofMillis(300))).isFalse();
        DstackException away = catchThrowableOfType(DstackException.class, connection::open);
        assertThat(away.kind()).isEqualTo(ErrorKind.AGENT_UNREACHABLE);
      } finally {
        host.join();
      }
      assertThat(Eventually.get(() -> connection.run("echo back", null, WITHIN).out().strip()))
          .isEqualTo("back");
    }
  }

  private String said(SshHostSpec spec, String command) {
    try (HostConnection connection = new HostConnection(spec, pins)) {
      Ran ran = connection.run(command, null, WITHIN);
      assertThat(ran.succeeded()).as(ran.err()).isTrue();
      return ran.out().strip();
    }
  }

  private DstackException fails(SshHostSpec spec) {
    try (HostConnection connection = new HostConnection(spec, pins)) {
      return catchThrowableOfType(DstackException.class, connection::open);
    }
  }
}
