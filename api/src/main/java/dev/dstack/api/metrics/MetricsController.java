package dev.dstack.api.metrics;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.error.ApiException;
import dev.dstack.db.metrics.JobSamples;
import dev.dstack.db.metrics.MetricsReader;
import dev.dstack.db.records.Page;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.ids.RunId;
import dev.dstack.model.json.Json;
import dev.dstack.model.resources.Resources;
import dev.dstack.model.wire.metric.JobMetrics;
import dev.dstack.workflows.fleet.Placement;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class MetricsController {
  /** More than is kept of a job. */
  private static final int LIMIT_MAX = 100_000;

  private final MetricsReader reader;
  private final JobSamples samples;

  public MetricsController(MetricsReader reader, JobSamples samples) {
    this.reader = reader;
    this.samples = samples;
  }

  @GetMapping("/api/project/{project_name}/metrics/job/{run_name}")
  public JobMetrics job(
      @PathVariable("run_name") String runName,
      @RequestParam(name = "run_id", required = false) @Nullable String runId,
      @RequestParam(name = "replica_num", required = false) @Nullable String replicaNum,
      @RequestParam(name = "job_num", required = false) @Nullable String jobNum,
      @RequestParam(name = "limit", required = false) @Nullable String limit,
      @RequestParam(name = "after", required = false) @Nullable String after,
      @RequestParam(name = "before", required = false) @Nullable String before,
      ProjectAccess access) {
    RunId run = parsed("run_id", runId, "uuid_parsing", "Input should be a valid UUID", RunId::of);
    int replica = number("replica_num", replicaNum, 0);
    int job = number("job_num", jobNum, 0);
    int points = Math.clamp(number("limit", limit, 1), 0, LIMIT_MAX);
    Instant from = time("after", after);
    Instant until = time("before", before);
    MetricsReader.JobOfRun found =
        reader
            .job(access.id(), runName, run, replica, job)
            // A run that was just accepted has its first job, though nobody shows it yet.
            .filter(one -> one.id() != null || (replica == 0 && job == 0))
            .orElseThrow(() -> ApiException.missing("Found no job with given parameters"));
    JobId id = found.id();
    if (id == null) {
      return new JobMetrics(List.of());
    }
    Resources resources =
        found.placementJson() == null
            ? null
            : Json.lenient().readValue(found.placementJson(), Placement.class).taken();
    return JobMetricsView.of(samples.latest(id, from, until, points + 1), resources);
  }

  private static int number(String field, @Nullable String text, int otherwise) {
    Integer number =
        parsed(
            field,
            text,
            "int_parsing",
            "Input should be a valid integer, unable to parse string as an integer",
            value -> Integer.valueOf(value.strip()));
    return number == null ? otherwise : number;
  }

  private static @Nullable Instant time(String field, @Nullable String text) {
    Instant time =
        parsed(
            field,
            text,
            "datetime_from_date_parsing",
            "Input should be a valid datetime",
            MetricsController::instant);
    return time == null ? null : Page.clamp(time);
  }

  /** A time without a zone is one of UTC; a plus sign may have come as a space. */
  private static Instant instant(String text) {
    String iso = text.strip().replace(' ', text.contains("T") ? '+' : 'T');
    try {
      return OffsetDateTime.parse(iso).toInstant();
    } catch (DateTimeException _) {
      return LocalDateTime.parse(iso).toInstant(ZoneOffset.UTC);
    }
  }

  private static <T> @Nullable T parsed(
      String field,
      @Nullable String text,
      String type,
      String message,
      Function<String, T> parser) {
    if (text == null) {
      return null;
    }
    try {
      return parser.apply(text);
    } catch (IllegalArgumentException | DateTimeException _) {
      Map<String, Object> item = new LinkedHashMap<>();
      item.put("type", type);
      item.put("loc", List.of("query", field));
      item.put("msg", message);
      item.put("input", text);
      throw ApiException.unprocessable(List.of(item));
    }
  }
}
