package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.List;

/** What was paid for, and below it the runs that shared it. */
public final class CostTable {
  private CostTable() {}

  public static Table of(Doc costs, Instant now) {
    Table table =
        new Table()
            .column("TYPE")
            .column("NAME", Fit.WRAP)
            .column("BACKEND", Fit.WRAP)
            .column("HOURS")
            .column("COST")
            .column("UNTIL");
    for (String type : List.of("instance", "volume", "run")) {
      Doc group = costs.get(type + "s");
      List<Doc> items = group.get("items").items();
      for (Doc item : items) {
        Instant until = item.get("until").instant();
        table.row(
            Cell.dim(type),
            new Cell(item.get("name").text("-"), Style.BOLD),
            Cell.of(item.get("backend").text("-")),
            Cell.of(String.valueOf(Math.round(item.get("hours").number(0) * 10) / 10.0)),
            Cell.of(Formats.price(item.get("cost").number())),
            Cell.dim(until == null ? "now" : Times.ago(until, now)));
      }
      long more = group.get("count").integer(0) - items.size();
      if (more > 0) {
        table.row(
            Cell.dim(type),
            Cell.dim("and " + more + " more"),
            Cell.of(""),
            Cell.of(""),
            Cell.of(""),
            Cell.of(""));
      }
    }
    return table;
  }
}
