package dev.dstack.backends.ssh;

import dev.dstack.backends.HostKeys;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Pins that a test can look at and change. */
final class MemoryKeys implements HostKeys {
  final Map<String, String> pins = new ConcurrentHashMap<>();

  @Override
  public Optional<String> pinned(String address) {
    return Optional.ofNullable(pins.get(address));
  }

  @Override
  public String pin(String address, String key) {
    String before = pins.putIfAbsent(address, key);
    return before == null ? key : before;
  }
}
