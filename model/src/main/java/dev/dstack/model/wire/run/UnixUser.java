package dev.dstack.model.wire.run;

import org.jspecify.annotations.Nullable;

/** The user and group of a container, each by number or by name. */
public record UnixUser(
    @Nullable Integer uid,
    @Nullable Integer gid,
    @Nullable String username,
    @Nullable String groupname) {

  /** {@code user[:group]}. */
  public static UnixUser parse(String text) {
    String[] parts = text.split(":", -1);
    if (parts.length > 2) {
      throw new IllegalArgumentException("not a user: '" + text + "'; write user or user:group");
    }
    for (String part : parts) {
      if (part.isEmpty()) {
        throw new IllegalArgumentException("the user or the group is empty: '" + text + "'");
      }
    }
    Integer uid = number(parts[0], text);
    Integer gid = parts.length == 2 ? number(parts[1], text) : null;
    return new UnixUser(
        uid,
        gid,
        uid == null ? parts[0] : null,
        parts.length == 2 && gid == null ? parts[1] : null);
  }

  private static @Nullable Integer number(String part, String text) {
    if (!part.matches("[+-]?\\d{1,10}")) {
      return null;
    }
    long number = Long.parseLong(part);
    if (number < 0 || number > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "the number of a user or group is out of range: '" + text + "'");
    }
    return (int) number;
  }
}
