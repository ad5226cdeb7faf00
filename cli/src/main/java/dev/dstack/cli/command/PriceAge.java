package dev.dstack.cli.command;

import dev.dstack.cli.Cli;
import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiException;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Of which day the prices of a list of offers are. */
final class PriceAge {
  private PriceAge() {}

  /**
   * @param backends of the offers; only a cloud's prices come from a catalog
   */
  static void print(Cli cli, Session session, List<Doc> backends) {
    Set<String> clouds = new HashSet<>();
    backends.forEach(backend -> clouds.add(backend.text("")));
    clouds.removeAll(Set.of("", "remote"));
    if (clouds.isEmpty()) {
      return;
    }
    for (Doc catalog : catalogs(session)) {
      Instant asOf = catalog.get("as_of").instant();
      if (asOf != null && clouds.contains(catalog.get("provider").text(""))) {
        cli.terminal()
            .prose(
                " Prices of "
                    + catalog.get("provider").text("")
                    + " are of "
                    + Times.local(asOf).substring(0, 10)
                    + " ("
                    + Times.ago(asOf, cli.clock().instant())
                    + ")",
                Style.DIM);
      }
    }
  }

  private static List<Doc> catalogs(Session session) {
    try {
      return session.post("/catalogs/list", null).items();
    } catch (ApiException e) {
      // A server that is not of this project, or older: it does not tell.
      if (e.status() == 404) {
        return List.of();
      }
      throw e;
    }
  }
}
