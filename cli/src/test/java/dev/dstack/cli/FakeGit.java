package dev.dstack.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * A {@code git} that answers {@code ls-remote} as it is told and leaves the rest to the real one.
 */
final class FakeGit {
  private final Path directory;

  private FakeGit(Path directory) {
    this.directory = directory;
  }

  static FakeGit in(Path home, CliHarness cli) throws IOException {
    FakeGit git = new FakeGit(Files.createDirectories(home.resolve("bin")));
    Path program = git.directory.resolve("git");
    Files.writeString(
        program,
        """
        #!/bin/bash
        case " $* " in
          *" ls-remote "*)
            echo "$* GIT_SSH_COMMAND=$GIT_SSH_COMMAND" >> "${0%/*}/asked"
            if grep -qF -- "$(cat "${0%/*}/opens")" <<< "$* $GIT_CONFIG_VALUE_0 $GIT_SSH_COMMAND"; then
              echo "ref: refs/heads/main HEAD"
              exit 0
            fi
            exit 128 ;;
          *)
            exec /usr/bin/git "$@" ;;
        esac
        """);
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    git.opensTo("nothing opens this");
    cli.env.put("PATH", git.directory + ":" + System.getenv("PATH"));
    return git;
  }

  /** {@code ls-remote} succeeds where its words, header or SSH command have this text in them. */
  void opensTo(String text) throws IOException {
    Files.writeString(directory.resolve("opens"), text);
  }

  String asked() throws IOException {
    Path asked = directory.resolve("asked");
    return Files.exists(asked) ? Files.readString(asked) : "";
  }
}
