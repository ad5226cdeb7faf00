package dev.dstack.agent.host;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Whom a task runs as.
 *
 * @param other not the agent's own user
 * @param known has an entry in the user database
 */
public record TaskUser(String name, int uid, int gid, String home, boolean other, boolean known) {

  /** The user that the agent itself runs as. */
  public static TaskUser ofAgent() {
    int uid;
    int gid;
    try {
      uid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
      gid = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:gid");
    } catch (IOException e) {
      throw new DstackException(ErrorKind.BUG, "can't find out the agent's own user", e);
    }
    String home = System.getenv("HOME");
    if (home == null || home.isEmpty()) {
      home = System.getProperty("user.home", "/");
    }
    return new TaskUser(System.getProperty("user.name", "nobody"), uid, gid, home, false, true);
  }

  /**
   * @param wanted {@code NAME}, {@code UID}, either with {@code :GROUP}; absent: the agent's user
   * @throws DstackException INVALID_SPEC with what to do
   */
  public static TaskUser resolve(@Nullable String wanted, TaskUser agent) {
    if (wanted == null || wanted.isBlank()) {
      return agent;
    }
    int colon = wanted.indexOf(':');
    String userPart = colon < 0 ? wanted : wanted.substring(0, colon);
    String groupPart = colon < 0 ? "" : wanted.substring(colon + 1);
    if (!userPart.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*\\$?")) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "user: '" + userPart + "' is not the name or id of a user");
    }
    Optional<String[]> entry = lookUp("passwd", userPart).filter(fields -> fields.length >= 6);
    boolean number = userPart.chars().allMatch(Character::isDigit);
    if (entry.isEmpty() && !number) {
      throw new DstackException(
          ErrorKind.INVALID_SPEC, "user: there is no user '" + userPart + "' on this host");
    }
    try {
      int uid = Integer.parseInt(entry.isPresent() ? entry.get()[2] : userPart);
      int gid = entry.isPresent() ? Integer.parseInt(entry.get()[3]) : uid;
      if (!groupPart.isEmpty()) {
        gid = group(groupPart);
      }
      if (uid == agent.uid() && gid == agent.gid()) {
        return agent;
      }
      if (agent.uid() != 0) {
        throw new DstackException(
            ErrorKind.INVALID_SPEC,
            "user: the agent on this host runs as "
                + agent.name()
                + " and can't run a task as "
                + wanted
                + "; leave out `user` or run the server as root");
      }
      return new TaskUser(
          entry.isPresent() ? entry.get()[0] : userPart,
          uid,
          gid,
          entry.isPresent() ? entry.get()[5] : "/",
          true,
          entry.isPresent());
    } catch (NumberFormatException e) {
      throw new DstackException(ErrorKind.INVALID_SPEC, "user: '" + wanted + "' has a bad id", e);
    }
  }

  private static int group(String wanted) {
    if (wanted.chars().allMatch(Character::isDigit)) {
      return Integer.parseInt(wanted);
    }
    if (wanted.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*")) {
      Optional<String[]> entry = lookUp("group", wanted).filter(fields -> fields.length >= 3);
      if (entry.isPresent()) {
        return Integer.parseInt(entry.get()[2]);
      }
    }
    throw new DstackException(
        ErrorKind.INVALID_SPEC, "user: there is no group '" + wanted + "' on this host");
  }

  private static Optional<String[]> lookUp(String database, String key) {
    try {
      Process getent =
          new ProcessBuilder("getent", database, key)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      getent.getOutputStream().close();
      String line =
          new String(getent.getInputStream().readNBytes(1 << 20), StandardCharsets.UTF_8).strip();
      if (getent.waitFor(10, TimeUnit.SECONDS) && getent.exitValue() == 0 && !line.isEmpty()) {
        return Optional.of(line.split(":"));
      }
      return Optional.empty();
    } catch (IOException e) {
      return inFile(Path.of("/etc", database), key);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** For hosts without getent. */
  private static Optional<String[]> inFile(Path file, String key) {
    try {
      List<String> lines = Files.readAllLines(file);
      return lines.stream()
          .map(line -> line.split(":"))
          .filter(fields -> fields.length >= 3 && (fields[0].equals(key) || fields[2].equals(key)))
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
