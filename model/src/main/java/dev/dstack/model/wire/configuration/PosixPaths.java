package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;

/** Paths inside of containers and on instances. */
final class PosixPaths {
  private PosixPaths() {}

  /**
   * Absolute, without {@code ..}; doubled slashes, single dots and a slash at the end are taken
   * out.
   */
  static String absolute(String field, String path) {
    if (path.isEmpty()) {
      throw new InvalidFieldException(field, "the path is empty");
    }
    if (!path.startsWith("/")) {
      throw new InvalidFieldException(field, "the path must be absolute: " + path);
    }
    StringBuilder clean = new StringBuilder();
    for (String part : path.split("/")) {
      if (part.equals("..")) {
        throw new InvalidFieldException(field, "`..` is not allowed: " + path);
      }
      if (!part.isEmpty() && !part.equals(".")) {
        clean.append('/').append(part);
      }
    }
    return clean.isEmpty() ? "/" : clean.toString();
  }
}
