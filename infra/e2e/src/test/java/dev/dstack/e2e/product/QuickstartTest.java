package dev.dstack.e2e.product;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.e2e.harness.Api;
import dev.dstack.e2e.harness.Await;
import dev.dstack.e2e.harness.Command;
import dev.dstack.e2e.harness.Processes;
import dev.dstack.e2e.harness.Repository;
import dev.dstack.e2e.harness.ServerProcess;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * {@code ./quickstart} as a person calls it, in a copy of the checkout and with a home of its own.
 * What the build of these tests has made already is not made a second time.
 */
@Tag("system")
final class QuickstartTest {
  private static final Duration LIMIT = Duration.ofMinutes(8);

  private final int port = ServerProcess.freePort();
  private Path home;
  private Path copy;

  @BeforeEach
  void checkout() throws IOException {
    home = ServerProcess.newHome();
    copy = Files.createDirectory(home.resolve("checkout"));
    Files.createDirectory(home.resolve(".dstack"));
    Files.createDirectories(Repository.cache());
    Files.createSymbolicLink(home.resolve(".dstack/cache"), Repository.cache());
    Path user = Path.of(System.getProperty("user.home"));
    Files.createSymbolicLink(home.resolve(".m2"), user.resolve(".m2"));
    new Command(
            List.of(
                "/bin/sh",
                "-c",
                "git ls-files -z --cached --others --exclude-standard"
                    + " | xargs -0 -r ls -d 2> /dev/null"
                    + " | tar -cf - --files-from=- | tar -xf - -C \"$0\"",
                copy.toString()))
        .in(Repository.root())
        .run()
        .ok();
    for (String module : List.of("cli", "infra/server")) {
      String lib = Repository.classPath(module).replaceAll("/\\*$", "");
      Path target = Files.createDirectories(copy.resolve(module).resolve("target"));
      new Command(List.of("cp", "-a", Path.of(lib).getParent().toString(), target + "/dist"))
          .run()
          .ok();
    }
    Files.createDirectories(copy.resolve("target"));
    // Newer than all sources.
    Files.createFile(copy.resolve("target/built-all"));
  }

  @AfterEach
  void remove() {
    for (long pid : Processes.mentioning(home)) {
      Processes.kill9(pid);
    }
    Repository.delete(home);
  }

  @Test
  void fromACheckoutToAFinishedRunTwiceAndBack() throws IOException {
    Command.Result first = quickstart().run();
    keep(first);
    first
        .ok()
        .says(
            "The server runs (process",
            "Third law of Kepler",
            "Run hello: done",
            "127.0.0.1:" + port);
    long server = server();
    assertThat(Processes.alive(server)).isTrue();
    assertThat(
            new Api(URI.create("http://127.0.0.1:" + port + "/"), null)
                .get("/healthcheck")
                .status())
        .isEqualTo(200);

    Command.Result again = quickstart().run();
    again.ok().says("The server runs already (process " + server, "Run hello: done");

    quickstart("--stop").run().ok().says("Stopped.");
    Await.until(
        "nothing is left running",
        Duration.ofSeconds(60),
        () -> Processes.mentioning(home).isEmpty(),
        () -> Processes.mentioning(home).stream().map(Processes::describe).toList().toString());
    quickstart("--stop").run().ok().says("Nothing that ./quickstart started is running.");
  }

  private Command quickstart(String... arguments) {
    return new Command(List.of(copy.resolve("quickstart").toString()))
        .with(arguments)
        .env("HOME", home.toString())
        .env("JAVA_HOME", System.getProperty("java.home"))
        .env("DSTACK_SERVER_PORT", Integer.toString(port))
        .env("NO_COLOR", "1")
        .in(copy)
        .limit(LIMIT);
  }

  private long server() throws IOException {
    String pid = Files.readString(home.resolve(".dstack/quickstart/pid"));
    return Long.parseLong(pid.strip().split(" ")[0]);
  }

  /** The server's log, for whoever has to find out why. */
  private void keep(Command.Result result) throws IOException {
    Path log = home.resolve(".dstack/quickstart/log");
    if (result.exit() != 0 && Files.exists(log)) {
      Path to = Files.createDirectories(Repository.target().resolve("failed/quickstart"));
      Files.copy(log, to.resolve("log"), StandardCopyOption.REPLACE_EXISTING);
    }
  }
}
