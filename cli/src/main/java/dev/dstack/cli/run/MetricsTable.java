package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.term.Cell;
import dev.dstack.cli.term.Style;
import dev.dstack.cli.term.Table;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What jobs used in the last hour, drawn over time. Every line has the same time axis and goes from
 * nothing to all there is, so that heights can be compared.
 */
public final class MetricsTable {
  private static final String BARS = "▁▂▃▄▅▆▇";
  private static final Duration WINDOW = Duration.ofHours(1);
  private static final Duration NOW = Duration.ofSeconds(30);
  private static final int LEAST = 10;
  private static final int MOST = 60;

  /** What stands beside the two charts: gaps, the device, the numbers. */
  private static final int BESIDE = 36;

  /** A job and what the API says of it. */
  public record JobMetrics(Doc job, Doc metrics) {}

  private record Sample(Instant at, double value) {}

  private final Instant from;
  private final Instant to;
  private final Instant now;
  private final int width;
  private final Table table =
      new Table().column("JOB").column("").column("UTILIZATION").column("MEMORY");

  private MetricsTable(Instant from, Instant to, Instant now, int width) {
    this.from = from;
    this.to = to;
    this.now = now;
    this.width = width;
  }

  public static Table of(List<JobMetrics> jobs, int columns, Instant now) {
    Instant latest = null;
    for (JobMetrics job : jobs) {
      for (Doc metric : job.metrics().get("metrics").items()) {
        for (Doc time : metric.get("timestamps").items()) {
          Instant at = time.instant();
          latest = at != null && (latest == null || at.isAfter(latest)) ? at : latest;
        }
      }
    }
    List<String> labels = labels(jobs);
    int label = Math.max(3, labels.stream().mapToInt(String::length).max().orElse(0));
    int width = Math.clamp((columns - BESIDE - label) / 2, LEAST, MOST);
    Instant to = latest == null ? now : latest;
    MetricsTable rows = new MetricsTable(to.minus(WINDOW), to, now, width);
    for (int i = 0; i < jobs.size(); i++) {
      rows.job(labels.get(i), jobs.get(i));
    }
    if (latest != null) {
      String axis = rows.axis();
      rows.table.row(Cell.EMPTY, Cell.EMPTY, Cell.dim(axis), Cell.dim(axis));
    }
    return rows.table;
  }

  private static List<String> labels(List<JobMetrics> jobs) {
    boolean replicas =
        jobs.stream().map(job -> job.job().at("job_spec", "replica_num")).distinct().count() > 1;
    return jobs.stream()
        .map(
            job ->
                (replicas ? job.job().at("job_spec", "replica_num").text("0") + "/" : "")
                    + job.job().at("job_spec", "job_num").text("0"))
        .toList();
  }

  private void job(String label, JobMetrics job) {
    Doc resources = resources(job.job());
    double cpus = Math.max(1, resources.get("cpus").number(1));
    List<Sample> cpu =
        series(job.metrics(), "cpu_usage_percent").stream()
            .map(sample -> new Sample(sample.at(), sample.value() / cpus))
            .toList();
    table.row(
        new Cell(label, Style.BOLD),
        Cell.dim("cpu"),
        percent(cpu),
        memory(
            series(job.metrics(), "memory_working_set_bytes"),
            resources.get("memory_mib").number(0)));
    List<Doc> gpus = resources.get("gpus").items();
    List<Sample> detected = series(job.metrics(), "gpus_detected_num");
    int count = Math.max(gpus.size(), detected.isEmpty() ? 0 : (int) detected.getLast().value());
    for (int i = 0; i < count; i++) {
      Doc gpu = i < gpus.size() ? gpus.get(i) : Doc.NULL;
      table.row(
          Cell.EMPTY,
          Cell.dim("gpu " + i),
          percent(series(job.metrics(), "gpu_util_percent_gpu" + i)),
          memory(
              series(job.metrics(), "gpu_memory_usage_bytes_gpu" + i),
              gpu.get("memory_mib").number(0)));
    }
  }

  private Cell percent(List<Sample> samples) {
    if (samples.isEmpty()) {
      return Cell.dim("no data");
    }
    double last = samples.getLast().value();
    return new Cell(chart(samples, 100) + " " + Math.round(last) + "%", style(last));
  }

  private Cell memory(List<Sample> samples, double totalMib) {
    if (samples.isEmpty()) {
      return Cell.dim("no data");
    }
    double last = samples.getLast().value();
    double peak = samples.stream().mapToDouble(Sample::value).max().orElse(1);
    double total = totalMib > 0 ? totalMib * (1 << 20) : Math.max(1, peak);
    return new Cell(
        chart(samples, total) + " " + bytes(last) + (totalMib > 0 ? "/" + bytes(total) : ""),
        style(totalMib > 0 ? last / total * 100 : 0));
  }

  private static Style style(double percent) {
    return percent >= 97 ? Style.RED : percent >= 90 ? Style.YELLOW : Style.CYAN;
  }

  /** The peak of each slice of the hour; blank where there was nothing to measure. */
  private String chart(List<Sample> samples, double most) {
    double[] peaks = new double[width];
    java.util.Arrays.fill(peaks, -1);
    double span = Math.max(1, Duration.between(from, to).toMillis());
    for (Sample sample : samples) {
      double at = Duration.between(from, sample.at()).toMillis() / span;
      if (at >= 0 && at <= 1) {
        int slice = Math.min(width - 1, (int) (at * width));
        peaks[slice] = Math.max(peaks[slice], sample.value());
      }
    }
    StringBuilder chart = new StringBuilder(width);
    for (double peak : peaks) {
      int height = (int) Math.round(Math.clamp(peak / most, 0, 1) * (BARS.length() - 1));
      chart.append(peak < 0 ? ' ' : BARS.charAt(height));
    }
    return chart.toString();
  }

  private String axis() {
    String first = clock(from);
    String last = Duration.between(to, now).compareTo(NOW) < 0 ? "now" : clock(to);
    int rest = width - first.length() - last.length() - 2;
    return rest < 1 ? first : first + " " + "┄".repeat(rest) + " " + last;
  }

  private static String clock(Instant at) {
    LocalDateTime local = LocalDateTime.ofInstant(at, ZoneId.systemDefault());
    return String.format(Locale.ROOT, "%02d:%02d", local.getHour(), local.getMinute());
  }

  /** Oldest first; the API has the newest first. */
  private static List<Sample> series(Doc metrics, String name) {
    for (Doc metric : metrics.get("metrics").items()) {
      if (metric.get("name").is(name)) {
        List<Doc> times = metric.get("timestamps").items();
        List<Doc> values = metric.get("values").items();
        List<Sample> samples = new ArrayList<>();
        for (int i = Math.min(times.size(), values.size()) - 1; i >= 0; i--) {
          Sample sample = sample(times.get(i), values.get(i));
          if (sample != null) {
            samples.add(sample);
          }
        }
        samples.sort(java.util.Comparator.comparing(Sample::at));
        return Collections.unmodifiableList(samples);
      }
    }
    return List.of();
  }

  private static @Nullable Sample sample(Doc time, Doc value) {
    Instant at = time.instant();
    Double number = value.number();
    return at == null || number == null ? null : new Sample(at, number);
  }

  private static Doc resources(Doc job) {
    Doc submission = job.get("job_submissions").last();
    Doc shared = submission.at("job_runtime_data", "offer", "instance", "resources");
    return shared.isNull()
        ? submission.at("job_provisioning_data", "instance_type", "resources")
        : shared;
  }

  private static String bytes(double count) {
    double mib = count / (1 << 20);
    return mib >= 1024 ? Math.round(mib / 1024) + "GB" : Math.round(mib) + "MB";
  }
}
