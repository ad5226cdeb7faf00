package dev.dstack.db.crypto;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.util.Base64;

/** One entry of {@code encryption.keys}. */
public sealed interface EncryptionKey {
  /** The word in the packed form and in config.yml. */
  String type();

  String name();

  /** Values are stored readable. */
  record Identity() implements EncryptionKey {
    @Override
    public String type() {
      return "identity";
    }

    @Override
    public String name() {
      return "noname";
    }
  }

  /** AES-256-GCM. */
  record Aes(String name, byte[] secret) implements EncryptionKey {
    public Aes {
      if (name.isEmpty() || name.contains(":")) {
        throw new DstackException(
            ErrorKind.INVALID_SPEC,
            "encryption.keys: the name of an aes key must not be empty or contain a colon.");
      }
      if (secret.length != 32) {
        throw new DstackException(
            ErrorKind.INVALID_SPEC,
            "encryption.keys: the secret of aes key '"
                + name
                + "' has "
                + secret.length
                + " bytes, it must be 32 bytes in base64. Make one: head -c 32 /dev/urandom | base64");
      }
      secret = secret.clone();
    }

    /** From the base64 text of config.yml. */
    public static Aes of(String name, String base64) {
      try {
        return new Aes(name, Base64.getDecoder().decode(base64.strip()));
      } catch (IllegalArgumentException e) {
        throw new DstackException(
            ErrorKind.INVALID_SPEC,
            "encryption.keys: the secret of aes key '" + name + "' is not base64.");
      }
    }

    @Override
    public String type() {
      return "aes";
    }

    @Override
    public byte[] secret() {
      return secret.clone();
    }

    @Override
    public String toString() {
      return "Aes[" + name + ", secret=***]";
    }
  }
}
