package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A row for a fleet, dim because it is what was asked for, then one for each instance that exists.
 */
public final class FleetTable {
  private FleetTable() {}

  public static Table of(List<Doc> fleets, String project, boolean verbose, Instant now) {
    Table table = new Table().column("NAME").column("NODES");
    if (verbose) {
      table.column("RESOURCES", Fit.WRAP).column("DRIVER", Fit.WRAP);
    } else {
      table.column("GPU");
    }
    table
        .column("SPOT")
        .column("BACKEND", Fit.WRAP)
        .column("PRICE")
        .column("STATUS")
        .column("CREATED");
    if (verbose) {
      table.column("ERROR", Fit.WRAP);
    }
    List<Doc> newestFirst = new ArrayList<>(fleets);
    newestFirst.sort(
        Comparator.comparing((Doc fleet) -> fleet.get("created_at").text("")).reversed());
    for (Doc fleet : newestFirst) {
      fleet(table, fleet, project, verbose, now);
      for (Doc instance : fleet.get("instances").items()) {
        instance(table, instance, verbose, now);
      }
    }
    return table;
  }

  private static void fleet(Table table, Doc fleet, String project, boolean verbose, Instant now) {
    Doc configuration = fleet.at("spec", "configuration");
    Doc profile = fleet.at("spec", "profile");
    Doc hosts = configuration.at("ssh_config", "hosts");
    String owner = fleet.get("project_name").text(project);
    String name = (owner.equals(project) ? "" : owner + "/") + fleet.get("name").text("-");
    boolean isSsh = !configuration.get("ssh_config").isNull();
    String nodes = isSsh ? String.valueOf(hosts.items().size()) : nodes(configuration.get("nodes"));
    if (verbose && configuration.get("placement").is("cluster")) {
      nodes += " (cluster)";
    }
    Doc resources = configuration.get("resources");
    String backends =
        String.join(
            ", ", configuration.get("backends").items().stream().map(b -> b.text("")).toList());
    Doc spot =
        configuration.get("spot_policy").isNull()
            ? profile.get("spot_policy")
            : configuration.get("spot_policy");
    Doc price =
        configuration.get("max_price").isNull()
            ? profile.get("max_price")
            : configuration.get("max_price");
    List<Cell> cells = new ArrayList<>();
    cells.add(new Cell(name, Style.BOLD));
    cells.add(Cell.dim(nodes));
    if (verbose) {
      cells.add(Cell.dim(isSsh || resources.isNull() ? "" : Formats.requirements(resources)));
      cells.add(Cell.EMPTY);
    } else {
      cells.add(Cell.dim(isSsh ? "" : Formats.gpuWish(resources)));
    }
    cells.add(Cell.dim(isSsh ? "" : spot.text("")));
    cells.add(Cell.dim(isSsh ? "ssh" : backends.isEmpty() ? "*" : backends));
    cells.add(Cell.dim(price.isNull() ? "" : "$0.." + Formats.price(price.number()).substring(1)));
    cells.add(new Cell(fleet.get("status").text("-"), fleetStyle(fleet.get("status").text(""))));
    cells.add(Cell.dim(Times.ago(fleet.get("created_at").instant(), now)));
    if (verbose) {
      cells.add(new Cell(fleet.get("status_message").text(""), Style.RED));
    }
    table.row(cells);
  }

  private static void instance(Table table, Doc instance, boolean verbose, Instant now) {
    Doc resources = instance.at("instance_type", "resources");
    boolean isRemote = instance.get("backend").is("remote");
    List<Cell> cells = new ArrayList<>();
    cells.add(Cell.of("   instance=" + instance.get("instance_num").text("0")));
    cells.add(Cell.EMPTY);
    if (verbose) {
      cells.add(Cell.of(resources.isNull() ? "" : Formats.resources(resources)));
      cells.add(Cell.dim(instance.at("gpu_driver", "version").text("")));
    } else {
      cells.add(Cell.of(Formats.gpus(resources)));
    }
    cells.add(Cell.dim(isRemote ? "" : resources.get("spot").truth() ? "spot" : "on-demand"));
    Doc zone = instance.get("availability_zone");
    cells.add(
        Cell.of(
            Formats.backend(
                instance.get("backend"),
                verbose && !zone.isNull() ? zone : instance.get("region"))));
    Double price = instance.get("price").number();
    cells.add(Cell.dim(isRemote || price == null ? "" : Formats.price(price)));
    cells.add(new Cell(status(instance), instanceStyle(instance)));
    cells.add(Cell.dim(Times.ago(instance.get("created").instant(), now)));
    if (verbose) {
      cells.add(
          new Cell(
              instance.get("error").text(instance.get("termination_reason").text("")), Style.RED));
    }
    table.row(cells);
  }

  /**
   * {@code idle}, {@code busy}, {@code 1/4 busy} of an instance in blocks, with what is wrong with
   * it. Of one that is not there yet, or going, nobody knows how it is.
   */
  private static String status(Doc instance) {
    String status = instance.get("status").text("-");
    long total = instance.get("total_blocks").integer(1);
    long busy = instance.get("busy_blocks").integer(0);
    if (!isThere(instance)) {
      return status;
    }
    if (total > 1) {
      status = busy + "/" + total + " busy";
    }
    String health = instance.get("health_status").text("healthy");
    if (instance.get("unreachable").truth()) {
      return status + " (unreachable)";
    }
    return health.equals("warning") || health.equals("failure")
        ? status + " (" + health + ")"
        : status;
  }

  private static boolean isThere(Doc instance) {
    return instance.get("status").is("idle") || instance.get("status").is("busy");
  }

  private static Style instanceStyle(Doc instance) {
    boolean fails =
        instance.get("unreachable").truth() || instance.get("health_status").is("failure");
    return isThere(instance) && fails
        ? Style.BOLD_RED
        : RunTable.statusStyle(instance.get("status").text(""), "");
  }

  private static Style fleetStyle(String status) {
    return switch (status) {
      case "failed" -> Style.BOLD_RED;
      case "terminating" -> Style.BOLD_BLUE;
      default -> Style.DIM;
    };
  }

  private static String nodes(Doc nodes) {
    if (!nodes.isObject()) {
      return nodes.text("");
    }
    return Formats.range(nodes, "");
  }
}
