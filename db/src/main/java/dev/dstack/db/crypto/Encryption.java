package dev.dstack.db.crypto;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Packs a value as {@code enc:<type>:<name>:<data>}. The first key encrypts; any key of the same
 * type and name decrypts, and among several of one type, any that fits.
 */
public final class Encryption {
  private static final String PREFIX = "enc:";
  private static final int IV_BYTES = 12;
  private static final int TAG_BITS = 128;
  private static final EncryptionKey.Identity IDENTITY = new EncryptionKey.Identity();

  private final List<EncryptionKey> keys;
  private final SecureRandom random = new SecureRandom();

  private Encryption(List<EncryptionKey> keys) {
    this.keys = keys;
  }

  /** Without keys values are stored readable; reading what was stored readable always works. */
  public static Encryption of(List<EncryptionKey> keys) {
    List<EncryptionKey> all = new ArrayList<>(keys);
    if (!all.contains(IDENTITY)) {
      all.add(IDENTITY);
    }
    return new Encryption(List.copyOf(all));
  }

  public static Encryption identity() {
    return of(List.of());
  }

  public String encrypt(String value) {
    EncryptionKey key = keys.getFirst();
    String data =
        switch (key) {
          case EncryptionKey.Identity _ -> value;
          case EncryptionKey.Aes aes -> sealed(aes, value);
        };
    return PREFIX + key.type() + ":" + key.name() + ":" + data;
  }

  /**
   * @throws DstackException BUG naming the missing key; never with the value
   */
  public String decrypt(String packed) {
    String[] parts = packed.split(":", 4);
    if (parts.length != 4 || !packed.startsWith(PREFIX)) {
      throw new DstackException(
          ErrorKind.BUG,
          "A stored value is not of the form enc:<type>:<name>:<data>; it was not written by dstack"
              + " or is damaged.");
    }
    String type = parts[1];
    String name = parts[2];
    if (type.equals(IDENTITY.type())) {
      return parts[3];
    }
    // The key of that name first; another may hold the same secret under a new name.
    for (boolean sameName : new boolean[] {true, false}) {
      for (EncryptionKey key : keys) {
        if (key instanceof EncryptionKey.Aes aes
            && aes.type().equals(type)
            && aes.name().equals(name) == sameName) {
          Optional<String> value = opened(aes, name, parts[3]);
          if (value.isPresent()) {
            return value.get();
          }
        }
      }
    }
    throw new DstackException(
        ErrorKind.BUG,
        "A stored value was encrypted with key '"
            + name
            + "' of type "
            + type
            + ", which is not among the keys of this server or has another secret now. Put the key back"
            + " under encryption.keys in config.yml (an old key may stand after the new one).");
  }

  /** Whether a stored value was packed with the key that packs now. */
  public boolean isCurrent(String packed) {
    EncryptionKey key = keys.getFirst();
    return packed.startsWith(PREFIX + key.type() + ":" + key.name() + ":");
  }

  private String sealed(EncryptionKey.Aes key, String value) {
    byte[] iv = new byte[IV_BYTES];
    random.nextBytes(iv);
    try {
      Cipher cipher = cipher(Cipher.ENCRYPT_MODE, key, iv);
      byte[] data = cipher.doFinal(value.getBytes(StandardCharsets.UTF_8));
      return Base64.getEncoder()
          .encodeToString(ByteBuffer.allocate(iv.length + data.length).put(iv).put(data).array());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JVM has no AES-GCM", e);
    }
  }

  /** Empty: the key is not the one. */
  private static Optional<String> opened(EncryptionKey.Aes key, String name, String base64) {
    try {
      byte[] data = Base64.getDecoder().decode(base64);
      if (data.length < IV_BYTES + TAG_BITS / 8) {
        throw new GeneralSecurityException("it is too short");
      }
      byte[] plain =
          cipher(Cipher.DECRYPT_MODE, key, Arrays.copyOf(data, IV_BYTES))
              .doFinal(data, IV_BYTES, data.length - IV_BYTES);
      return Optional.of(new String(plain, StandardCharsets.UTF_8));
    } catch (AEADBadTagException _) {
      return Optional.empty();
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      throw new DstackException(
          ErrorKind.BUG, "A value encrypted with key '" + name + "' is damaged: " + e.getMessage());
    }
  }

  private static Cipher cipher(int mode, EncryptionKey.Aes key, byte[] iv)
      throws GeneralSecurityException {
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(mode, new SecretKeySpec(key.secret(), "AES"), new GCMParameterSpec(TAG_BITS, iv));
    return cipher;
  }
}
