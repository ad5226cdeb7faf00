package dev.dstack.backends;

import java.util.Optional;

/** The keys that hosts have shown, so that another one is noticed. */
public interface HostKeys {
  /**
   * @param address {@code host:port}
   * @return such as {@code ssh-ed25519 AAAA…}
   */
  Optional<String> pinned(String address);

  /**
   * Called when a host is seen for the first time; of two calls for one address the first counts.
   *
   * @return the key that is pinned now
   */
  String pin(String address, String key);
}
