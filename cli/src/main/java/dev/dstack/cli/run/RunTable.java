package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import dev.dstack.cli.term.Table.Fit;
import dev.dstack.cli.term.Times;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The table of {@code ps}: a row for a run, and one for each of its jobs where it has several. */
public final class RunTable {
  private final boolean verbose;
  private final boolean probes;
  private final Instant now;
  private final Table table = new Table();

  private RunTable(List<Doc> runs, boolean verbose, Instant now) {
    this.verbose = verbose;
    this.now = now;
    this.probes =
        runs.stream()
            .flatMap(run -> run.get("jobs").items().stream())
            .anyMatch(job -> !job.get("job_submissions").last().get("probes").items().isEmpty());
  }

  public static Table of(List<Doc> runs, boolean verbose, Instant now) {
    RunTable rows = new RunTable(runs, verbose, now);
    rows.heading();
    runs.forEach(rows::run);
    return rows.table;
  }

  public static boolean isFinal(Doc run) {
    return switch (run.get("status").text("")) {
      case "done", "failed", "terminated" -> true;
      default -> false;
    };
  }

  /**
   * What a person is told of a run's state: the server's words, else what can be seen that it waits
   * for.
   */
  public static String status(Doc run) {
    Doc latest = run.get("latest_job_submission");
    if (isFinal(run) && !latest.isNull()) {
      return latest.get("status_message").text(run.get("status").text("-"));
    }
    String status = run.get("status").text("-");
    String message = run.get("status_message").text("");
    if (!message.isEmpty() && !message.equals(status)) {
      return message;
    }
    if (status.equals("pending") && !run.get("next_triggered_at").isNull()) {
      return "waiting for schedule";
    }
    return status;
  }

  private void heading() {
    table.column("NAME").column("BACKEND", Fit.WRAP);
    if (verbose) {
      table.column("RESOURCES", Fit.WRAP).column("INSTANCE TYPE", Fit.WRAP);
    } else {
      table.column("GPU");
    }
    table.column("PRICE").column("STATUS");
    if (probes) {
      table.column("PROBES", Fit.WRAP);
    }
    table.column("SUBMITTED");
    if (verbose) {
      table.column("ERROR", Fit.WRAP);
    }
  }

  private void run(Doc run) {
    List<Doc> jobs = run.get("jobs").items();
    String name = run.at("run_spec", "run_name").text("-");
    Style style = statusStyle(run.get("status").text(""), status(run));
    if (jobs.size() == 1) {
      Doc submission = jobs.getFirst().get("job_submissions").last();
      // A run that waits knows what for; its job does not.
      boolean waits = run.get("status").is("pending");
      String status = isFinal(run) || waits ? status(run) : jobStatus(submission, status(run));
      row(
          new Cell(name, Style.BOLD),
          submission,
          jobs.getFirst(),
          new Cell(status, isFinal(run) ? style : jobStyle(submission, style)),
          run.get("submitted_at"),
          run.get("error").isNull() ? submission.get("error") : run.get("error"));
      return;
    }
    row(
        new Cell(name, Style.BOLD),
        Doc.NULL,
        Doc.NULL,
        new Cell(status(run), style),
        run.get("submitted_at"),
        run.get("error"));
    Set<String> replicas = new HashSet<>();
    jobs.forEach(job -> replicas.add(job.at("job_spec", "replica_num").text("0")));
    for (Doc job : jobs) {
      Doc submission = job.get("job_submissions").last();
      String replica =
          replicas.size() > 1 ? "replica=" + job.at("job_spec", "replica_num").text("0") : "";
      boolean several = jobs.size() > replicas.size();
      String number = several ? "job=" + job.at("job_spec", "job_num").text("0") : "";
      row(
          Cell.dim("   " + (replica + " " + number).strip()),
          submission,
          job,
          new Cell(jobStatus(submission, "-"), jobStyle(submission, Style.PLAIN)),
          submission.get("submitted_at"),
          submission.get("error"));
    }
  }

  private void row(Cell name, Doc submission, Doc job, Cell status, Doc submitted, Doc error) {
    Doc provisioning = submission.get("job_provisioning_data");
    Doc shared = submission.at("job_runtime_data", "offer");
    boolean isShared = shared.get("total_blocks").integer(1) > 1;
    Doc instance = isShared ? shared.get("instance") : provisioning.get("instance_type");
    Doc resources = instance.get("resources");
    String type = instance.get("name").text("-");
    if (isShared) {
      type +=
          " (" + shared.get("blocks").text("1") + "/" + shared.get("total_blocks").text("1") + ")";
    }
    List<Cell> cells = new ArrayList<>();
    cells.add(name);
    cells.add(Cell.dim(Formats.backend(provisioning.get("backend"), provisioning.get("region"))));
    if (verbose) {
      cells.add(Cell.dim(provisioning.isNull() ? "-" : Formats.resources(resources)));
      cells.add(Cell.dim(type));
    } else {
      cells.add(Cell.of(Formats.gpus(resources)));
    }
    Doc price = isShared ? shared.get("price") : provisioning.get("price");
    cells.add(
        Cell.dim(Formats.price(price.number()) + (resources.get("spot").truth() ? " (spot)" : "")));
    cells.add(status);
    if (probes) {
      cells.add(Cell.of(probes(job, submission)));
    }
    cells.add(Cell.dim(Times.ago(submitted.instant(), now)));
    if (verbose) {
      cells.add(new Cell(error.text(""), Style.RED));
    }
    table.row(cells);
  }

  private static String probes(Doc job, Doc submission) {
    StringBuilder marks = new StringBuilder();
    List<Doc> specs = job.at("job_spec", "probes").items();
    List<Doc> streaks = submission.get("probes").items();
    for (int i = 0; i < Math.min(specs.size(), streaks.size()); i++) {
      long streak = streaks.get(i).get("success_streak").integer(0);
      marks.append(
          streak >= specs.get(i).get("ready_after").integer(1) ? '✓' : streak > 0 ? '~' : '×');
    }
    return marks.toString();
  }

  private String jobStatus(Doc submission, String otherwise) {
    String text = submission.get("status_message").text("");
    text = text.isEmpty() ? otherwise : text;
    Doc pull = submission.get("image_pull_progress");
    if (submission.get("status").is("pulling") && !pull.isNull()) {
      text += " " + pull(pull);
    }
    long idle = submission.get("inactivity_secs").integer(0);
    return verbose && idle > 0 ? text + " (inactive for " + Times.exact(idle) + ")" : text;
  }

  /** extracted/downloaded/total */
  public static String pull(Doc progress) {
    long total = progress.get("total_bytes").integer(0);
    boolean large = total >= 1L << 30;
    double unit = large ? 1L << 30 : 1L << 20;
    String format = large ? "%.2f" : "%.0f";
    return String.format(
            java.util.Locale.ROOT, format, progress.get("extracted_bytes").integer(0) / unit)
        + "/"
        + String.format(
            java.util.Locale.ROOT, format, progress.get("downloaded_bytes").integer(0) / unit)
        + "/"
        + (progress.get("is_total_bytes_final").truth() ? "" : "≥")
        + String.format(java.util.Locale.ROOT, format, total / unit)
        + (large ? "GB" : "MB");
  }

  private static Style jobStyle(Doc submission, Style otherwise) {
    return submission.isNull()
        ? otherwise
        : statusStyle(submission.get("status").text(""), submission.get("status_message").text(""));
  }

  public static Style statusStyle(String status, String message) {
    return switch (message) {
      case "no capacity", "interrupted", "retrying" -> Style.YELLOW;
      case "no fleets" -> Style.RED;
      default ->
          switch (status) {
            case "running", "pulling", "idle" -> Style.BOLD_GREEN;
            case "provisioning", "terminating", "busy" -> Style.BOLD_BLUE;
            case "failed" -> Style.RED;
            case "aborted" -> Style.YELLOW;
            case "done", "terminated" -> Style.DIM;
            default -> Style.PLAIN;
          };
    };
  }
}
