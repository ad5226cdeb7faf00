package dev.dstack.cli.train;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Main;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Command;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Terminal;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * {@code dstack __train}: what a packager runs once while the JDK records; see the package of
 * {@link Main}.
 */
public final class TrainCommand implements Command {
  private static final int ROUNDS = 5;

  @Override
  public Spec spec() {
    return Spec.of("__train", "Walks through the usual commands against canned answers.");
  }

  @Override
  public int run(Args args, Cli cli) {
    try (CannedServer server = CannedServer.start()) {
      Path home = Files.createTempDirectory("dstack-train");
      Path config = home.resolve(".dstack/config.yml");
      Path file = home.resolve("train.dstack.yml");
      try {
        Files.createDirectories(home.resolve(".dstack"));
        Files.writeString(
            config,
            "projects:\n- default: true\n  name: main\n  token: none\n  url: http://127.0.0.1:"
                + server.port()
                + "\n");
        Files.writeString(
            file,
            """
            type: task
            name: train
            commands:
            - echo "one"
            files:
            - train.dstack.yml
            env:
            - A=1
            resources:
              cpu: 1..
            """);
        Path ssh = home.resolve("ssh");
        Files.writeString(ssh, "#!/bin/sh\n");
        Files.setPosixFilePermissions(ssh, PosixFilePermissions.fromString("rwx------"));
        walk(cli, home, file);
      } finally {
        delete(home);
      }
    } catch (IOException e) {
      throw CliException.failure("The training failed: " + e.getMessage(), e);
    }
    return ExitCode.OK;
  }

  private static void delete(Path directory) throws IOException {
    List<Path> all;
    try (Stream<Path> walk = Files.walk(directory)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.delete(path);
    }
  }

  private static void walk(Cli cli, Path home, Path file) {
    List<List<String>> walks =
        List.of(
            List.of("ps"),
            List.of("ps", "-v"),
            List.of("ps", "-a", "--json"),
            List.of("apply", "-y", "-f", file.toString()),
            List.of("apply", "-y", "-d", "-f", file.toString(), "-n", "other", "--max-offers", "2"),
            List.of("attach", "attached", "--logs"),
            List.of("metrics", "train"),
            List.of("logs", "train"),
            List.of("offer"),
            List.of("fleet"),
            List.of("event"),
            List.of("run", "get", "train", "--json"),
            List.of("stop", "-y", "train"),
            List.of("project", "list"),
            List.of("--help"),
            List.of("apply", "--help"));
    for (int round = 0; round < ROUNDS; round++) {
      for (int width : new int[] {0, 80, 160}) {
        for (List<String> words : walks) {
          int exit = Main.run(words, inside(cli, home, width));
          if (exit != ExitCode.OK) {
            throw CliException.failure(
                "`dstack "
                    + String.join(" ", words)
                    + "` ended with "
                    + exit
                    + " in the training.");
          }
        }
      }
    }
  }

  private static Cli inside(Cli cli, Path home, int width) {
    PrintStream nowhere =
        new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    Terminal terminal =
        Terminal.of(
            new ByteArrayInputStream(new byte[0]),
            nowhere,
            cli.terminal().errors(),
            width,
            Map.of());
    // No connection is made: an `ssh` that succeeds is all that is needed to walk through the rest.
    Map<String, String> env = Map.of("DSTACK_SSH_CLIENT", home.resolve("ssh").toString());
    return new Cli(terminal, env, home, home, cli.clock(), cli.interrupts());
  }
}
