package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.ExitCode;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.run.VolumeTable;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Confirm;
import dev.dstack.cli.term.StatusLine;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** {@code dstack apply} of a volume: made, or made anew; it can't be changed. */
final class VolumeApply {
  private static final Duration PAUSE = Duration.ofMillis(500);

  private final Cli cli;
  private final Args args;
  private final Session session;
  private final ConfigurationFile file;

  VolumeApply(Cli cli, Args args, Session session, ConfigurationFile file) {
    this.cli = cli;
    this.args = args;
    this.session = session;
    this.file = file;
  }

  int run() {
    Map<String, @Nullable Object> configuration = new LinkedHashMap<>();
    file.root().fields().forEach((field, value) -> configuration.put(field, value.value()));
    String name =
        args.text("--name") == null ? file.root().get("name").text() : args.text("--name");
    if (name != null) {
      configuration.put("name", name);
    }
    Doc present = name == null ? null : find(name);
    if (present == null) {
      if (!Confirm.ask(cli, args, "Create the volume" + (name == null ? "" : " " + name) + "?")) {
        return ExitCode.FAILED;
      }
    } else {
      if (args.has("--yes") && !args.has("--force")) {
        cli.terminal()
            .line(
                "The volume "
                    + name
                    + " is there. A volume can't be changed; --force deletes it with all that is"
                    + " in it and makes it anew.");
        return ExitCode.OK;
      }
      if (!Confirm.ask(
          cli, args, "Delete the volume " + name + " with all that is in it, and make it anew?")) {
        return ExitCode.FAILED;
      }
      session.post("/volumes/delete", Map.of("names", List.of(String.valueOf(name))));
      awaitGone(String.valueOf(name));
    }
    Doc volume = create(configuration);
    if (args.has("--detach")) {
      cli.terminal().line("The volume " + volume.get("name").text("") + " is being made");
      return ExitCode.OK;
    }
    Doc made = awaitMade(volume);
    boolean failed = made.get("status").is("failed");
    cli.terminal().table(VolumeTable.of(List.of(made), failed, cli.clock().instant()));
    return failed ? ExitCode.FAILED : ExitCode.OK;
  }

  private Doc create(Map<String, @Nullable Object> configuration) {
    try {
      return session.post("/volumes/create", Map.of("configuration", configuration));
    } catch (ApiException e) {
      throw FileProblems.shown(e, file);
    }
  }

  private @Nullable Doc find(String name) {
    try {
      return session.post("/volumes/get", Map.of("name", name));
    } catch (ApiException e) {
      if (e.isNotFound()) {
        return null;
      }
      throw e;
    }
  }

  private void awaitGone(String name) {
    try (StatusLine status = new StatusLine(cli.terminal())) {
      status.show("Deleting " + name);
      while (find(name) != null) {
        pause();
      }
    }
  }

  private Doc awaitMade(Doc volume) {
    Doc now = volume;
    try (StatusLine status = new StatusLine(cli.terminal())) {
      while (!now.get("status").is("active") && !now.get("status").is("failed")) {
        status.show("Making " + volume.get("name").text(""));
        pause();
        Doc next = find(volume.get("name").text(""));
        if (next == null) {
          throw CliException.failure("The volume was deleted meanwhile.");
        }
        now = next;
      }
    }
    return now;
  }

  private void pause() {
    CountDownLatch interrupted = new CountDownLatch(1);
    cli.interrupts().onInterrupt(interrupted::countDown);
    try {
      if (interrupted.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw CliException.failure("Interrupted; the server goes on with it.");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CliException.failure("Interrupted; the server goes on with it.");
    }
  }
}
