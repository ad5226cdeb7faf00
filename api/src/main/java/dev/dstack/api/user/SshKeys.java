package dev.dstack.api.user;

import dev.dstack.api.error.ApiException;
import dev.dstack.db.records.UserStore.SshKeyPair;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.interfaces.RSAPublicKey;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Makes key pairs for SSH and reads public keys, in OpenSSH's forms. */
public final class SshKeys {
  private static final Set<String> TYPES =
      Set.of(
          "ssh-rsa",
          "ecdsa-sha2-nistp256",
          "ecdsa-sha2-nistp384",
          "ecdsa-sha2-nistp521",
          "ssh-ed25519",
          "sk-ecdsa-sha2-nistp256@openssh.com",
          "sk-ssh-ed25519@openssh.com");
  private static final int KEY_CHARS_MAX = 16_384;

  private SshKeys() {}

  /** What a line of an authorized_keys file says. */
  public record PublicKey(String type, String fingerprint, @Nullable String comment, String text) {}

  /** RSA with 2048 bits: clients of all ages read it. */
  public static SshKeyPair generate(String comment) {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      KeyPair pair = generator.generateKeyPair();
      if (!(pair.getPublic() instanceof RSAPublicKey publicKey)
          || !(pair.getPrivate() instanceof RSAPrivateCrtKey privateKey)) {
        throw new IllegalStateException("the RSA generator made something else");
      }
      ByteArrayOutputStream blob = new ByteArrayOutputStream();
      for (byte[] field :
          List.of(
              "ssh-rsa".getBytes(StandardCharsets.US_ASCII),
              publicKey.getPublicExponent().toByteArray(),
              publicKey.getModulus().toByteArray())) {
        blob.writeBytes(ByteBuffer.allocate(4).putInt(field.length).array());
        blob.writeBytes(field);
      }
      String text =
          "ssh-rsa "
              + Base64.getEncoder().encodeToString(blob.toByteArray())
              + " "
              + comment
              + "\n";
      return new SshKeyPair(text, pem(privateKey));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has RSA", e);
    }
  }

  /** PKCS#1, which is a list of numbers, in the armour that every SSH client opens. */
  private static String pem(RSAPrivateCrtKey key) {
    ByteArrayOutputStream numbers = new ByteArrayOutputStream();
    for (BigInteger number :
        List.of(
            BigInteger.ZERO,
            key.getModulus(),
            key.getPublicExponent(),
            key.getPrivateExponent(),
            key.getPrimeP(),
            key.getPrimeQ(),
            key.getPrimeExponentP(),
            key.getPrimeExponentQ(),
            key.getCrtCoefficient())) {
      der(numbers, 0x02, number.toByteArray());
    }
    ByteArrayOutputStream sequence = new ByteArrayOutputStream();
    der(sequence, 0x30, numbers.toByteArray());
    String base64 =
        Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(sequence.toByteArray());
    return "-----BEGIN RSA PRIVATE KEY-----\n" + base64 + "\n-----END RSA PRIVATE KEY-----\n";
  }

  private static void der(ByteArrayOutputStream out, int tag, byte[] content) {
    out.write(tag);
    if (content.length < 0x80) {
      out.write(content.length);
    } else {
      byte[] length = BigInteger.valueOf(content.length).toByteArray();
      int skip = length[0] == 0 ? 1 : 0;
      out.write(0x80 | (length.length - skip));
      out.write(length, skip, length.length - skip);
    }
    out.writeBytes(content);
  }

  /** Throws the answer for what is no public key. */
  public static PublicKey parse(String text) {
    String line = text.strip();
    String[] parts = line.split("[ \t]+", 3);
    if (line.length() > KEY_CHARS_MAX || line.contains("\n") || parts.length < 2) {
      throw invalid();
    }
    if (!TYPES.contains(parts[0])) {
      throw ApiException.badRequest(
          "Keys of type '"
              + shortened(parts[0])
              + "' are not supported; use one of: "
              + String.join(", ", TYPES.stream().sorted().toList()));
    }
    byte[] blob;
    try {
      blob = Base64.getDecoder().decode(parts[1]);
    } catch (IllegalArgumentException e) {
      throw invalid();
    }
    if (!isKey(parts[0], blob)) {
      throw invalid();
    }
    return new PublicKey(
        parts[0], fingerprint(blob), parts.length == 3 ? parts[2].strip() : null, line);
  }

  private static String shortened(String text) {
    return text.length() > 40 ? text.substring(0, 40) + "…" : text;
  }

  /** A key is fields with their lengths before them, of which the first repeats the type. */
  private static boolean isKey(String type, byte[] blob) {
    ByteBuffer rest = ByteBuffer.wrap(blob);
    int fields = 0;
    while (rest.hasRemaining()) {
      if (rest.remaining() < 4) {
        return false;
      }
      int length = rest.getInt();
      if (length < 0 || length > rest.remaining()) {
        return false;
      }
      byte[] field = new byte[length];
      rest.get(field);
      if (fields == 0 && !new String(field, StandardCharsets.US_ASCII).equals(type)) {
        return false;
      }
      fields++;
    }
    return fields >= 2;
  }

  private static String fingerprint(byte[] blob) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(blob);
      return "SHA256:" + Base64.getEncoder().withoutPadding().encodeToString(hash);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static ApiException invalid() {
    return ApiException.badRequest(
        "This is no public key in OpenSSH's format; it is one line such as"
            + " 'ssh-ed25519 AAAAC3Nza… name'");
  }
}
