package dev.dstack.model.config;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What can be told of a private key without using it. */
public final class PrivateKeys {
  private static final Pattern OPENSSH =
      Pattern.compile(
          "-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END OPENSSH PRIVATE KEY-----",
          Pattern.DOTALL);

  /** In front of the length of the cipher's name. */
  private static final byte[] MAGIC = "openssh-key-v1\0".getBytes(StandardCharsets.US_ASCII);

  private PrivateKeys() {}

  /** Whether it takes a passphrase to use it. */
  public static boolean isProtected(String text) {
    Matcher openSsh = OPENSSH.matcher(text);
    if (openSsh.find()) {
      return !cipher(openSsh.group(1)).equals("none");
    }
    return text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED");
  }

  private static String cipher(String body) {
    try {
      ByteBuffer key = ByteBuffer.wrap(Base64.getMimeDecoder().decode(body.strip()));
      byte[] magic = new byte[MAGIC.length];
      key.get(magic);
      byte[] name = new byte[Math.clamp(key.getInt(), 0, key.remaining())];
      key.get(name);
      return new String(name, StandardCharsets.US_ASCII);
    } catch (RuntimeException e) {
      // No key at all; whoever uses it says so in better words.
      return "none";
    }
  }
}
