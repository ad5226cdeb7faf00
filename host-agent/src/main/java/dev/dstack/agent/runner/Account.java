package dev.dstack.agent.runner;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The user that the container runs as.
 *
 * @param known the image has an entry for it
 * @param shell absent from the image: empty
 */
public record Account(String name, int uid, int gid, String home, String shell, boolean known) {

  /** By the image's list of users, which may be absent. */
  static Account current(Map<String, String> environment) {
    try {
      Path self = Path.of("/proc/self");
      int uid = (Integer) Files.getAttribute(self, "unix:uid");
      int gid = (Integer) Files.getAttribute(self, "unix:gid");
      return of(uid, gid, Path.of("/etc/passwd"), environment);
    } catch (IOException e) {
      throw new IllegalStateException("can't find out the user of this process", e);
    }
  }

  static Account of(int uid, int gid, Path passwd, Map<String, String> environment) {
    String home = environment.getOrDefault("HOME", "");
    for (String line : lines(passwd)) {
      String[] fields = line.split(":", -1);
      if (fields.length >= 6 && fields[2].equals(Integer.toString(uid))) {
        return new Account(
            fields[0],
            uid,
            gid,
            // The engine has set HOME to "/" when the image is silent.
            home.isEmpty() || home.equals("/") ? orRoot(fields[5]) : home,
            fields.length > 6 ? fields[6] : "",
            true);
      }
    }
    String fallback = uid == 0 ? "/root" : "/";
    return new Account(
        uid == 0 ? "root" : Integer.toString(uid),
        uid,
        gid,
        home.isEmpty() ? fallback : home,
        "",
        false);
  }

  private static String orRoot(String home) {
    return home.isEmpty() ? "/" : home;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1).lines().toList();
    } catch (IOException e) {
      return List.of();
    }
  }
}
