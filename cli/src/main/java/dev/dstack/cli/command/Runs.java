package dev.dstack.cli.command;

import dev.dstack.cli.CliException;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finding runs. */
public final class Runs {
  private Runs() {}

  public static Doc get(Session session, Map<String, @Nullable Object> body, String shown) {
    try {
      return session.post("/runs/get", body);
    } catch (ApiException e) {
      if (!e.isNotFound()) {
        throw e;
      }
      throw CliException.failure(
          "There is no run `"
              + shown
              + "` in the project `"
              + session.project()
              + "`.\n`dstack ps -a` lists the runs there are.");
    }
  }

  public static Doc byName(Session session, String name) {
    return get(session, RunCommand.named(name, null), name);
  }
}
