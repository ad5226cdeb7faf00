package dev.dstack.agent.ssh;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PublicKey;
import java.util.ArrayList;
import java.util.List;
import org.apache.sshd.common.NamedResource;
import org.apache.sshd.common.config.keys.AuthorizedKeyEntry;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.config.keys.PublicKeyEntryResolver;
import org.apache.sshd.common.config.keys.writer.openssh.OpenSSHKeyPairResourceWriter;
import org.apache.sshd.common.util.security.SecurityUtils;
import org.jspecify.annotations.Nullable;

/** The keys of one task's SSH server. */
final class Keys {
  private static final int ED25519_BITS = 256;

  private Keys() {}

  /** Lines that hold no key are left out and named in the log. */
  static List<PublicKey> authorized(List<String> lines, AgentLog log) {
    List<PublicKey> keys = new ArrayList<>();
    for (String line : lines) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      try {
        AuthorizedKeyEntry entry = AuthorizedKeyEntry.parseAuthorizedKeyEntry(line.strip());
        PublicKey key =
            entry == null ? null : entry.resolvePublicKey(null, PublicKeyEntryResolver.IGNORING);
        if (key == null) {
          log.warn("an SSH key of a kind that is not known here is not let in", null);
        } else {
          keys.add(key);
        }
      } catch (IOException | GeneralSecurityException | RuntimeException e) {
        log.warn("a line of SSH keys can't be read and lets nobody in: " + e.getMessage(), null);
      }
    }
    return keys;
  }

  static boolean isAuthorized(PublicKey offered, List<PublicKey> keys) {
    return keys.stream().anyMatch(key -> KeyUtils.compareKeys(key, offered));
  }

  /**
   * The key that the server shows.
   *
   * @param given in PEM; absent: the one in the file, which is made when there is none
   */
  static KeyPair host(@Nullable String given, Path file) throws IOException {
    try {
      if (given != null) {
        return read(given);
      }
      if (Files.exists(file)) {
        return read(Files.readString(file));
      }
      KeyPair made = KeyUtils.generateKeyPair("ssh-ed25519", ED25519_BITS);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      OpenSSHKeyPairResourceWriter.INSTANCE.writePrivateKey(made, "", null, out);
      Durable.write(file, out.toByteArray(), "rw-------", false);
      return made;
    } catch (GeneralSecurityException e) {
      throw new IOException("the SSH server's own key can't be used: " + e.getMessage(), e);
    }
  }

  private static KeyPair read(String pem) throws IOException, GeneralSecurityException {
    Iterable<KeyPair> pairs =
        SecurityUtils.loadKeyPairIdentities(
            null,
            NamedResource.ofName("host key"),
            new ByteArrayInputStream(pem.getBytes(StandardCharsets.UTF_8)),
            null);
    if (pairs == null || !pairs.iterator().hasNext()) {
      throw new IOException("there is no private key in it");
    }
    return pairs.iterator().next();
  }
}
