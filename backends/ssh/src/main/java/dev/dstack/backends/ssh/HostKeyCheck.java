package dev.dstack.backends.ssh;

import dev.dstack.backends.HostKeys;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.util.Base64;
import java.util.List;
import net.schmizz.sshj.common.Buffer;
import net.schmizz.sshj.common.KeyType;
import net.schmizz.sshj.transport.verification.HostKeyVerifier;
import org.jspecify.annotations.Nullable;

/** Trusts a host at first sight and from then on only with the same key. */
final class HostKeyCheck implements HostKeyVerifier {
  private final HostKeys keys;
  private final String address;
  private volatile @Nullable String refusal;

  HostKeyCheck(HostKeys keys, String address) {
    this.keys = keys;
    this.address = address;
  }

  /** Why the host was refused; absent: it was not. */
  @Nullable String refusal() {
    return refusal;
  }

  @Override
  public boolean verify(String hostname, int port, PublicKey key) {
    String shown = text(key);
    String pinned = keys.pinned(address).orElseGet(() -> keys.pin(address, shown));
    if (pinned.equals(shown)) {
      return true;
    }
    refusal =
        "The host key of "
            + address
            + " has changed: it was "
            + fingerprint(pinned)
            + " and is now "
            + fingerprint(shown)
            + ". Nothing was sent. If the host was installed anew, delete its instance with --forget and"
            + " apply the fleet again.";
    return false;
  }

  /** So that a host with several keys shows the one that is known. */
  @Override
  public List<String> findExistingAlgorithms(String hostname, int port) {
    return keys.pinned(address)
        .map(key -> List.of(key.substring(0, key.indexOf(' '))))
        .orElse(List.of());
  }

  private static String text(PublicKey key) {
    byte[] bytes = new Buffer.PlainBuffer().putPublicKey(key).getCompactData();
    return KeyType.fromKey(key) + " " + Base64.getEncoder().encodeToString(bytes);
  }

  /** As OpenSSH shows it. */
  static String fingerprint(String key) {
    try {
      byte[] bytes = Base64.getDecoder().decode(key.substring(key.indexOf(' ') + 1));
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes);
      return "SHA256:" + Base64.getEncoder().withoutPadding().encodeToString(digest);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
