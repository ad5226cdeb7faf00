package dev.dstack.cli.apply;

import dev.dstack.cli.ExitCode;
import dev.dstack.cli.attach.Attachment;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.Formats;
import dev.dstack.cli.run.RunTable;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Terminal;
import dev.dstack.cli.term.Times;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;

/** What a person is told of a run that is followed. */
final class FollowView {
  private FollowView() {}

  /** What the run waits for. */
  static String state(Doc run, Doc submission) {
    if (submission.get("status").is("pulling")) {
      return "pulling " + run.at("run_spec", "configuration", "image").text("the image");
    }
    String text = RunTable.status(run);
    Instant next = run.get("next_triggered_at").instant();
    return next == null ? text : text + ", next " + Times.local(next);
  }

  /** How far it is with that. */
  static String progress(Doc submission) {
    Doc pull = submission.get("image_pull_progress");
    if (!submission.get("status").is("pulling") || pull.isNull()) {
      return "";
    }
    long downloaded = pull.get("downloaded_bytes").integer(0);
    long extracted = pull.get("extracted_bytes").integer(0);
    long total = pull.get("total_bytes").integer(0);
    String of = (pull.get("is_total_bytes_final").truth() ? "" : "at least ") + bytes(total);
    return "  " + bytes(downloaded) + " of " + of + ", " + bytes(extracted) + " unpacked";
  }

  static String bytes(long count) {
    if (count >= 1L << 30) {
      return String.format(Locale.ROOT, "%.2fGB", count / (double) (1L << 30));
    }
    return Math.round(count / (double) (1L << 20)) + "MB";
  }

  /** What a connected job does that says nothing itself; nothing where its output tells. */
  static String idle(String name, Doc run, Doc submission, boolean output) {
    Doc configuration = run.at("run_spec", "configuration");
    boolean isDev = configuration.get("type").is("dev-environment");
    long idle = submission.get("inactivity_secs").integer(0);
    long limit = configuration.get("inactivity_duration").integer(0);
    if (idle > 0) {
      return name
          + "  nobody is connected for "
          + Times.elapsed(Duration.ofSeconds(idle))
          + (limit > 0 ? ", it ends after " + Times.exact(limit) : "");
    }
    return isDev || !output ? name + "  attached" : "";
  }

  static String running(Doc run, Doc submission) {
    Doc provisioning = submission.get("job_provisioning_data");
    String where =
        provisioning.isNull()
            ? ""
            : " on "
                + Formats.backend(provisioning.get("backend"), provisioning.get("region"))
                + " "
                + provisioning.get("instance_type").get("name").text("");
    return run.at("run_spec", "run_name").text("-") + " is running" + where.stripTrailing() + ".";
  }

  /** How to get into the job. */
  static void ways(Terminal terminal, Doc run, Doc job, Attachment attachment, String bind) {
    String note = attachment.note();
    if (note != null) {
      terminal.prose("Note: " + note + ".", Style.YELLOW);
    }
    IdeLink link = IdeLink.of(run, job, attachment.host());
    int label = Math.max("Shell".length(), link == null ? 0 : link.ide().length());
    line(terminal, "Shell", label, "ssh " + attachment.host());
    if (link != null) {
      // On a line of its own and whole, so that terminals recognise it.
      line(terminal, link.ide(), label, link.url());
    }
    String heading = "Ports";
    for (Map.Entry<Integer, Integer> port : attachment.ports().entrySet()) {
      line(terminal, heading, label, bind + ":" + port.getValue() + " → " + port.getKey());
      heading = "";
    }
  }

  private static void line(Terminal terminal, String heading, int label, String text) {
    String padded = heading + " ".repeat(label - heading.length());
    terminal.line(" " + terminal.styled(padded, Style.BOLD) + "  " + text);
  }

  /**
   * @return the exit code
   */
  static int finished(Terminal terminal, Doc run) {
    Doc latest = run.get("latest_job_submission");
    String words = capitalised(RunTable.status(run));
    if (run.get("status").is("done")) {
      terminal.line(words, Style.GREEN);
      return ExitCode.OK;
    }
    String error = latest.get("error").text(run.get("error").text(""));
    boolean more = !error.isEmpty() && !error.equalsIgnoreCase(words);
    terminal.line(words + (more ? " (" + error + ")" : ""), Style.RED);
    String message = latest.get("termination_reason_message").text("");
    if (!message.isEmpty()) {
      terminal.prose(message, Style.RED);
    }
    return ExitCode.FAILED;
  }

  private static String capitalised(String text) {
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
  }
}
