package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** A row for each volume. */
public final class VolumeTable {
  private VolumeTable() {}

  public static Table of(List<Doc> volumes, boolean verbose, Instant now) {
    Table table = new Table().column("NAME").column("BACKEND", Fit.WRAP);
    if (verbose) {
      table.column("REGION", Fit.WRAP);
    }
    table.column("STATUS");
    if (verbose) {
      table.column("ATTACHED", Fit.WRAP);
    }
    table.column("CREATED");
    if (verbose) {
      table.column("ERROR", Fit.WRAP);
    }
    for (Doc volume : volumes) {
      List<Cell> cells = new ArrayList<>();
      cells.add(new Cell(volume.get("name").text("-"), Style.BOLD));
      String region = volume.at("configuration", "region").text("");
      // The server's own machine has no backend that other clients would know.
      String backend =
          region.equals("local") ? "local" : volume.at("configuration", "backend").text("-");
      if (verbose) {
        String zone = volume.at("provisioning_data", "availability_zone").text("");
        cells.add(Cell.of(backend));
        cells.add(Cell.of(zone.isEmpty() ? region : region + " (" + zone + ")"));
      } else {
        boolean alone = region.isEmpty() || region.equals(backend);
        cells.add(Cell.of(alone ? backend : backend + " (" + region + ")"));
      }
      String status = volume.get("status").text("-");
      cells.add(new Cell(status, style(status)));
      if (verbose) {
        List<String> fleets =
            volume.get("attachments").items().stream()
                .map(one -> one.at("instance", "name").text("-"))
                .distinct()
                .toList();
        cells.add(Cell.of(fleets.isEmpty() ? "-" : String.join(", ", fleets)));
      }
      cells.add(Cell.dim(Times.ago(volume.get("created_at").instant(), now)));
      if (verbose) {
        cells.add(new Cell(volume.get("status_message").text(""), Style.RED));
      }
      table.row(cells);
    }
    return table;
  }

  private static Style style(String status) {
    return status.equals("failed") ? Style.BOLD_RED : Style.PLAIN;
  }
}
