package dev.dstack.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How PostgreSQL, which refuses to run as root, is run by root all the same.
 *
 * <p>Preferred is a user namespace without any mapping: the program sees itself as nobody, has no
 * capability, and the kernel still takes it for the owner of root's files, so the data may lie
 * below a home directory that others cannot enter. Where namespaces are forbidden (many
 * containers), the user nobody is taken, with the one capability of passing such a directory.
 */
enum Unprivileged {
  NOT_ROOT {
    @Override
    List<String> prefix() {
      return List.of();
    }

    @Override
    void own(Path directory) {}
  },
  /** A user without a name, as containers have them, whom PostgreSQL refuses as well. */
  NAMELESS {
    @Override
    List<String> prefix() {
      return List.of("unshare", "-U");
    }

    @Override
    void own(Path directory) {}
  },
  USER_NAMESPACE {
    @Override
    List<String> prefix() {
      return List.of("unshare", "-U");
    }

    @Override
    void own(Path directory) throws IOException {
      FileTree.own(directory, 0);
    }
  },
  NOBODY {
    @Override
    List<String> prefix() {
      return List.of(
          "setpriv",
          "--reuid=" + NOBODY_UID,
          "--regid=" + NOBODY_UID,
          "--clear-groups",
          // Otherwise access(2), which PostgreSQL asks of its own programs, ignores capabilities.
          "--securebits=+no_setuid_fixup",
          "--inh-caps=+dac_override",
          "--ambient-caps=+dac_override");
    }

    @Override
    void own(Path directory) throws IOException {
      FileTree.own(directory, NOBODY_UID);
    }
  };

  private static final int NOBODY_UID = 65534;

  abstract List<String> prefix();

  /** Gives the data to the user the program runs as. */
  abstract void own(Path directory) throws IOException;

  static Unprivileged detect() {
    if (!ProcFs.isRoot()) {
      // What Java says for a user who is not in the list of users.
      return "?".equals(System.getProperty("user.name")) && NAMELESS.works() ? NAMELESS : NOT_ROOT;
    }
    for (Unprivileged way : List.of(USER_NAMESPACE, NOBODY)) {
      if (way.works()) {
        return way;
      }
    }
    throw new EmbeddedException(
        "PostgreSQL does not run as root, and neither `unshare -U` nor `setpriv` (both from"
            + " util-linux) can give it another user here. Start the server as an ordinary user, or"
            + " set DSTACK_DATABASE_URL to a PostgreSQL of your own.");
  }

  private boolean works() {
    List<String> command = new ArrayList<>(prefix());
    command.add(Files.exists(Path.of("/bin/true")) ? "/bin/true" : "true");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
