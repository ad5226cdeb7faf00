package dev.dstack.backends.ssh;

import dev.dstack.backends.PrivateKey;
import dev.dstack.backends.SshHostSpec;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import net.schmizz.sshj.SSHClient;
import net.schmizz.sshj.userauth.keyprovider.KeyProvider;
import net.schmizz.sshj.userauth.password.PasswordFinder;
import net.schmizz.sshj.userauth.password.Resource;
import org.jspecify.annotations.Nullable;

/** The private keys of a host, read from their text. */
final class LoginKeys {
  private LoginKeys() {}

  /**
   * @throws DstackException INVALID_SPEC when there is no key, or none that can be read
   */
  static List<KeyProvider> load(SSHClient client, SshHostSpec host) {
    List<KeyProvider> loaded = new ArrayList<>();
    String problem = "no private key is given";
    for (PrivateKey key : host.keys()) {
      try {
        KeyProvider provider =
            client.loadKeys(ended(key.content()), null, passphrase(key.passphrase()));
        // Read now, to tell a bad key from one that the host does not want.
        provider.getPrivate();
        loaded.add(provider);
      } catch (IOException | RuntimeException e) {
        problem =
            key.content().contains("PRIVATE KEY")
                ? "the private key can't be read"
                    + (key.passphrase() == null
                        ? "; is it protected by a passphrase?"
                        : ", or its passphrase is wrong")
                : "what is given as a private key is none";
      }
    }
    if (loaded.isEmpty()) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC,
          "Nobody can log in to "
              + HostConnection.name(host)
              + ": "
              + problem
              + ". RSA, ECDSA and Ed25519 keys in the form of OpenSSH or in PEM are understood.");
    }
    return loaded;
  }

  /** Some who copy a key forget the end of its last line, and parsers insist on it. */
  private static String ended(String content) {
    return content.endsWith("\n") ? content : content + "\n";
  }

  private static @Nullable PasswordFinder passphrase(@Nullable String text) {
    if (text == null) {
      return null;
    }
    return new PasswordFinder() {
      @Override
      public char[] reqPassword(@Nullable Resource<?> resource) {
        return text.toCharArray();
      }

      @Override
      public boolean shouldRetry(@Nullable Resource<?> resource) {
        return false;
      }
    };
  }
}
