package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import dev.dstack.cli.term.Terminal;
import java.util.List;

/** Offers, cheapest first, as the server ordered them. */
public final class OfferTable {
  private OfferTable() {}

  /**
   * @param dimRest the rows after the first are what would be tried next
   */
  public static void print(Terminal terminal, List<Doc> offers, Doc jobPlan, boolean dimRest) {
    Table table =
        new Table()
            .column("#")
            .column("BACKEND", Fit.WRAP)
            .column("RESOURCES", Fit.WRAP)
            .column("INSTANCE TYPE", Fit.WRAP)
            .column("PRICE")
            .column("");
    int number = 0;
    for (Doc offer : offers) {
      number++;
      Style style = dimRest && number > 1 ? Style.DIM : Style.PLAIN;
      Doc instance = offer.get("instance");
      String type = instance.get("name").text("-");
      if (offer.get("total_blocks").integer(1) > 1) {
        type +=
            " (" + offer.get("blocks").text("1") + "/" + offer.get("total_blocks").text("1") + ")";
      }
      String availability = Formats.availability(offer.get("availability"));
      Style shown =
          availability.equals("idle") ? Style.GREEN : availability.isEmpty() ? style : Style.YELLOW;
      table.row(
          new Cell(String.valueOf(number), style),
          new Cell(Formats.backend(offer.get("backend"), offer.get("region")), style),
          new Cell(Formats.resources(instance.get("resources")), style),
          new Cell(type, style),
          new Cell(Formats.price(offer.get("price").number()), style),
          new Cell(availability, shown));
    }
    terminal.table(table);
    long total = jobPlan.get("total_offers").integer(offers.size());
    if (total > offers.size()) {
      Double max = jobPlan.get("max_price").number();
      terminal.prose(
          " "
              + offers.size()
              + " of "
              + total
              + " offers"
              + (max == null ? "" : ", up to " + Formats.price(max) + " an hour")
              + "; --max-offers N shows more",
          Style.DIM);
    }
  }
}
