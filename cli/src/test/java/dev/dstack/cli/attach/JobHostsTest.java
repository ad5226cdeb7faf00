package dev.dstack.cli.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JobHostsTest {
  private static final Path KEY = Path.of("/keys/k");

  private static Doc job(String provisioning, String runtime) {
    return JsonText.read(
        ("{\"job_spec\": {\"user\": null}, \"job_submissions\": [{\"job_provisioning_data\": "
                + provisioning
                + ", \"job_runtime_data\": "
                + runtime
                + "}]}")
            .getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aJobWithAPortOfItsOwnIsOneHost() throws AttachException {
    Map<String, Map<String, String>> hosts =
        JobHosts.of(
            "train",
            job(
                "{\"hostname\": \"127.0.0.1\", \"ssh_port\": 40022, \"username\": \"me\", \"dockerized\": false}",
                "{\"username\": \"root\", \"ports\": {\"10022\": 40022}}"),
            KEY);

    assertThat(hosts.keySet()).containsExactly("train");
    assertThat(hosts.get("train"))
        .containsEntry("HostName", "127.0.0.1")
        .containsEntry("Port", "40022")
        .containsEntry("User", "root")
        .containsEntry("IdentityFile", "/keys/k")
        .containsEntry("UserKnownHostsFile", "/dev/null")
        .doesNotContainKey("ProxyJump");
  }

  @Test
  void aContainerIsReachedThroughItsHost() throws AttachException {
    Map<String, Map<String, String>> hosts =
        JobHosts.of(
            "train",
            job(
                "{\"hostname\": \"10.0.0.1\", \"ssh_port\": 22, \"username\": \"ubuntu\", \"dockerized\": true}",
                "{\"username\": \"app\", \"ports\": {\"10022\": 32768}}"),
            KEY);

    assertThat(hosts.keySet()).containsExactly("train-host", "train");
    assertThat(hosts.get("train-host"))
        .containsEntry("HostName", "10.0.0.1")
        .containsEntry("User", "ubuntu");
    assertThat(hosts.get("train"))
        .containsEntry("HostName", "localhost")
        .containsEntry("Port", "32768")
        .containsEntry("User", "app")
        .containsEntry("ProxyJump", "train-host");
  }

  @Test
  void aJumpHostComesBefore() throws AttachException {
    String jump =
        ", \"ssh_proxy\": {\"hostname\": \"bastion\", \"port\": 2222, \"username\": \"j\"}}";
    Map<String, Map<String, String>> hosts =
        JobHosts.of(
            "train",
            job(
                "{\"hostname\": \"10.0.0.1\", \"ssh_port\": 22, \"username\": \"u\", \"dockerized\": true"
                    + jump,
                "null"),
            KEY);

    assertThat(hosts.keySet()).containsExactly("train-jump-host", "train-host", "train");
    assertThat(hosts.get("train-jump-host"))
        .containsEntry("Port", "2222")
        .doesNotContainKey("IdentityFile");
    assertThat(hosts.get("train-host")).containsEntry("ProxyJump", "train-jump-host");
    assertThat(hosts.get("train")).containsEntry("Port", "10022").containsEntry("User", "root");

    Map<String, Map<String, String>> pod =
        JobHosts.of(
            "train",
            job(
                "{\"hostname\": \"pod\", \"ssh_port\": 10022, \"dockerized\": false" + jump,
                "null"),
            KEY);
    assertThat(pod.keySet()).containsExactly("train-jump-host", "train");
    assertThat(pod.get("train")).containsEntry("ProxyJump", "train-jump-host");
    assertThat(pod.get("train-jump-host")).containsEntry("IdentityFile", "/keys/k");
  }

  @Test
  void aJobWithoutSshSaysSo() {
    assertThatThrownBy(
            () -> JobHosts.of("train", job("{\"hostname\": \"127.0.0.1\"}", "null"), KEY))
        .isInstanceOf(AttachException.class)
        .hasMessageContaining("no SSH port");
  }

  @Test
  void theCommandIsTheOneOtherClientsLookFor() {
    SshTunnel.Plan plan =
        new SshTunnel.Plan(
            Path.of("/usr/bin/ssh"),
            Path.of("/h/.dstack/ssh/config"),
            KEY,
            Path.of("/h/.dstack/ssh/train.control.sock"),
            "train",
            "0.0.0.0",
            Map.of(8000, 8001));

    assertThat(plan.openCommand(Path.of("/tmp/log")))
        .startsWith("/usr/bin/ssh", "-F", "/h/.dstack/ssh/config", "-i", "/keys/k")
        .containsSequence("-S", "/h/.dstack/ssh/train.control.sock")
        .containsSequence("-L", "0.0.0.0:8001:localhost:8000")
        .endsWith("train");
    assertThat(List.of("-O", "exit")).isSubsetOf(plan.closeCommand());
  }

  @Test
  void tellsWhatSshSaid() {
    assertThat(
            SshTunnel.reason(
                "Warning: Permanently added 'x'\nroot@x: Permission denied (publickey).\n"))
        .isEqualTo(SshTunnel.REFUSED);
    assertThat(
            SshTunnel.reason(
                "Warning: Permanently added '[127.0.0.1]:1' (ED25519) to the list of known hosts.\n"
                    + "ssh: connect to host 127.0.0.1 port 1: Connection refused\n"))
        .isEqualTo("ssh: connect to host 127.0.0.1 port 1: Connection refused");
    assertThat(SshTunnel.reason("")).isEqualTo("ssh ended without a word");
  }
}
