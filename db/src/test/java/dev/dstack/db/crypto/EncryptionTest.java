package dev.dstack.db.crypto;

import static dev.dstack.db.jooq.generated.records.Tables.USER_ACCOUNT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.db.Fixture;
import dev.dstack.model.error.DstackException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EncryptionTest {
  private static final EncryptionKey.Aes OLD = key("old", 1);
  private static final EncryptionKey.Aes NEW = key("new", 2);

  @Test
  void packsWithTheFirstKeyAndReadsWithAny() {
    Encryption old = Encryption.of(List.of(OLD));
    Encryption both = Encryption.of(List.of(NEW, OLD));

    String packed = old.encrypt("hünter2 ☃");

    assertThat(packed).startsWith("enc:aes:old:").doesNotContain("hünter2");
    assertThat(both.decrypt(packed)).isEqualTo("hünter2 ☃");
    assertThat(both.encrypt("x")).startsWith("enc:aes:new:");
    assertThat(both.isCurrent(packed)).isFalse();
    assertThat(old.isCurrent(packed)).isTrue();
  }

  @Test
  void neverPacksTheSameTwice() {
    Encryption encryption = Encryption.of(List.of(OLD));
    assertThat(encryption.encrypt("x")).isNotEqualTo(encryption.encrypt("x"));
  }

  @Test
  void readsWhatWasStoredBeforeThereWereKeys() {
    String packed = Encryption.identity().encrypt("a:b:c");
    assertThat(packed).isEqualTo("enc:identity:noname:a:b:c");
    assertThat(Encryption.of(List.of(NEW)).decrypt(packed)).isEqualTo("a:b:c");
  }

  @Test
  void readsWithARenamedKey() {
    String packed = Encryption.of(List.of(OLD)).encrypt("x");
    assertThat(Encryption.of(List.of(NEW, key("renamed", 1))).decrypt(packed)).isEqualTo("x");
  }

  @Test
  void saysWhichKeyIsMissing() {
    String packed = Encryption.of(List.of(OLD)).encrypt("hunter2");
    assertThatThrownBy(() -> Encryption.of(List.of(NEW)).decrypt(packed))
        .isInstanceOf(DstackException.class)
        .hasMessageContaining("key 'old'")
        .hasMessageContaining("config.yml")
        .hasMessageNotContaining("hunter2");
  }

  @Test
  void refusesWhatItDidNotWrite() {
    assertThatThrownBy(() -> Encryption.of(List.of(NEW)).decrypt("hunter2"))
        .isInstanceOf(DstackException.class)
        .hasMessageNotContaining("hunter2");
    assertThatThrownBy(() -> Encryption.of(List.of(NEW)).decrypt("enc:aes:new:%%%"))
        .hasMessageContaining("damaged");
    assertThatThrownBy(() -> Encryption.of(List.of(NEW)).decrypt("enc:aes:new:AAAA"))
        .hasMessageContaining("damaged");
  }

  @Test
  void refusesAKeyOfTheWrongLength() {
    assertThatThrownBy(() -> EncryptionKey.Aes.of("k", "AAAA")).hasMessageContaining("32 bytes");
    assertThatThrownBy(() -> EncryptionKey.Aes.of("k", "not base64!"))
        .hasMessageContaining("base64");
  }

  @Test
  void makesItsOwnKeyOnce(@TempDir Path dir) throws Exception {
    Path file = dir.resolve("server/encryption.key");
    EncryptionKey.Aes made = KeyFile.loadOrCreate(file);
    assertThat(KeyFile.loadOrCreate(file).secret()).isEqualTo(made.secret());
    assertThat(Files.getPosixFilePermissions(file))
        .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    try (var files = Files.list(file.getParent())) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void writesEveryColumnAgainWithTheNewKey() {
    try (Fixture fixture = new Fixture()) {
      Encryption old = Encryption.of(List.of(OLD));
      fixture
          .owner
          .dsl()
          .update(USER_ACCOUNT)
          .set(USER_ACCOUNT.TOKEN_ENCRYPTED, old.encrypt("t"))
          .execute();
      Encryption rotated = Encryption.of(List.of(NEW, OLD));

      assertThat(KeyRotation.run(fixture.owner, rotated)).isEqualTo(1);
      assertThat(KeyRotation.run(fixture.owner, rotated)).isZero();

      String token =
          fixture
              .owner
              .dsl()
              .select(USER_ACCOUNT.TOKEN_ENCRYPTED)
              .from(USER_ACCOUNT)
              .fetchSingle()
              .value1();
      assertThat(Encryption.of(List.of(NEW)).decrypt(token)).isEqualTo("t");
    }
  }

  private static EncryptionKey.Aes key(String name, int fill) {
    byte[] secret = new byte[32];
    Arrays.fill(secret, (byte) fill);
    return EncryptionKey.Aes.of(name, Base64.getEncoder().encodeToString(secret));
  }
}
