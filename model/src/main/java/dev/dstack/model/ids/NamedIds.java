package dev.dstack.model.ids;

import java.nio.charset.StandardCharsets;
import java.util.UUID;

/** Ids that follow from a name, so that everybody who knows the name computes the same one. */
public final class NamedIds {
  private NamedIds() {}

  /**
   * Marked as version 4 although it is not random: dstack's clients refuse ids of any other
   * version.
   */
  public static UUID of(String name) {
    UUID hash = UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
    long version4 = (hash.getMostSignificantBits() & 0xffff_ffff_ffff_0fffL) | 0x4000L;
    return new UUID(version4, hash.getLeastSignificantBits());
  }
}
