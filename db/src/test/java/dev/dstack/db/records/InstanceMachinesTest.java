package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.INSTANCE_MACHINE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.db.Fixture;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.EncryptionKey;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.offer.BackendType;
import java.net.URI;
import java.util.List;
import java.util.UUID;
import org.jooq.JSONFormat;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class InstanceMachinesTest {
  private static final UUID SCOPE = UUID.randomUUID();
  private static Fixture fixture;
  private static InstanceMachines machines;

  @BeforeAll
  static void open() {
    fixture = new Fixture();
    Encryption encryption = Encryption.of(List.of(new EncryptionKey.Aes("k", new byte[32])));
    machines = new InstanceMachines(fixture.worker, encryption, () -> Fixture.START);
  }

  @AfterAll
  static void close() {
    fixture.close();
  }

  @Test
  void keepsHowToLogInUntilTheMachineIsGone() {
    InstanceMachine host =
        new InstanceMachine(
            new InstanceId(UUID.randomUUID()),
            1,
            fixture.project,
            BackendType.SSH,
            "root@10.0.0.5:22",
            "10.0.0.5",
            URI.create("http://127.0.0.1:4000"),
            "planted-token",
            "{}",
            "{\"key\": \"planted-secret\"}",
            false);
    machines.save(host);
    assertThat(machines.current(host.instance())).contains(host);
    assertThat(machines.touch(host.instance(), 1)).isTrue();
    assertThat(machines.current(host.instance()).orElseThrow().touched()).isTrue();
    assertThat(rows()).doesNotContain("planted-secret", "planted-token");
    machines.terminated(host.instance(), 1);
    assertThat(machines.current(host.instance())).isEmpty();
    assertThat(machines.touch(host.instance(), 1)).as("nobody puts anything there now").isFalse();
    assertThat(rows()).as("the keys go with the machine").contains("\"access_encrypted\":null");
  }

  @Test
  void theFirstKeyOfAHostCounts() {
    HostKeyPins pins = new HostKeyPins(fixture.worker, () -> Fixture.START);
    assertThat(pins.get(SCOPE, "10.0.0.5:22")).isEmpty();
    assertThat(pins.pin(SCOPE, "10.0.0.5:22", "ssh-ed25519 A")).isEqualTo("ssh-ed25519 A");
    assertThat(pins.pin(SCOPE, "10.0.0.5:22", "ssh-ed25519 B")).isEqualTo("ssh-ed25519 A");
    assertThat(pins.get(UUID.randomUUID(), "10.0.0.5:22")).isEmpty();
    pins.forget(SCOPE, "10.0.0.5:22");
    assertThat(pins.get(SCOPE, "10.0.0.5:22")).isEmpty();
    HostKeyPins ofTheApi = new HostKeyPins(fixture.api, () -> Fixture.START);
    assertThatThrownBy(() -> ofTheApi.get(SCOPE, "10.0.0.5:22"))
        .hasStackTraceContaining("permission denied");
  }

  private static String rows() {
    return fixture.worker.read(
        dsl ->
            dsl.selectFrom(INSTANCE_MACHINE)
                .fetch()
                .formatJSON(
                    JSONFormat.DEFAULT_FOR_RECORDS.recordFormat(JSONFormat.RecordFormat.OBJECT)));
  }
}
