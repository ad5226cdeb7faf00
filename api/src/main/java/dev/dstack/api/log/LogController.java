package dev.dstack.api.log;

import dev.dstack.api.auth.ProjectAccess;
import dev.dstack.api.auth.Remembered;
import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Check;
import dev.dstack.db.records.RunLookups;
import dev.dstack.db.records.RunLookups.JobPlace;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.wire.log.JobSubmissionLogs;
import dev.dstack.model.wire.log.LogEvent;
import dev.dstack.model.wire.log.LogEventSource;
import dev.dstack.model.wire.log.PollLogsRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

@RestController
public final class LogController {
  private static final int LIMIT_MAX = 1_000;
  private static final int WAIT_MAX_MILLIS = 30_000;
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9+/=_.:~-]{1,600}");

  private final LogReader logs;
  private final RunLookups lookups;
  private final LongSupplier nanoTime;
  private final Remembered<JobId, JobPlace> places;

  /**
   * @param nanoTime a monotonic clock, as {@link System#nanoTime}
   */
  public LogController(LogReader logs, RunLookups lookups, LongSupplier nanoTime) {
    this.logs = logs;
    this.lookups = lookups;
    this.nanoTime = nanoTime;
    this.places = new Remembered<>(Duration.ofMinutes(1), 5_000, nanoTime);
  }

  /**
   * @param waitMillis an addition to dstack's API: an empty page is answered only when so much time
   *     has passed without a new line, and `next_token` always says where to go on
   * @param ansi another one: what steers terminals is left in, so that the bytes are exactly those
   *     that the job wrote
   */
  @PostMapping("/api/project/{project_name}/logs/poll")
  public JobSubmissionLogs poll(
      @Body PollLogsRequest body,
      @RequestParam(name = "wait_ms", required = false) @Nullable Integer waitMillis,
      @RequestParam(name = "ansi", required = false) @Nullable Boolean ansi,
      ProjectAccess access) {
    int limit = Check.within("limit", body.limit(), 0, LIMIT_MAX);
    String token = body.nextToken();
    if (token != null && !TOKEN.matcher(token).matches()) {
      throw ApiException.badRequest(
          "`next_token` is not one that this server gave: it has up to 600 letters and digits");
    }
    JobId job = new JobId(body.jobSubmissionId());
    Optional<JobPlace> place = places.get(job, () -> lookups.job(job));
    if (place.isEmpty() || !place.get().project().equals(access.id())) {
      return new JobSubmissionLogs(List.of(), null, waitMillis == null ? null : token);
    }
    LogReader.Query query =
        new LogReader.Query(
            access.id(),
            access.name(),
            place.get().run(),
            place.get().runName(),
            job,
            body.diagnose(),
            body.startTime(),
            body.endTime(),
            body.descending(),
            token,
            limit);
    LogReader.Page page = logs.read(query);
    // Only at the end of a growing log is there something to wait for.
    if (waitMillis != null && !body.descending()) {
      page = awaited(query, page, Math.max(0, Math.min(waitMillis, WAIT_MAX_MILLIS)));
    }
    boolean goesOn = page.more() || waitMillis != null;
    return new JobSubmissionLogs(
        events(page, Boolean.TRUE.equals(ansi), body.descending()),
        logs.externalUrl(query).orElse(null),
        !goesOn ? null : page.end() == null ? token : page.end());
  }

  private LogReader.Page awaited(LogReader.Query query, LogReader.Page first, int millis) {
    LogReader.Page page = first;
    long deadline = nanoTime.getAsLong() + Duration.ofMillis(millis).toNanos();
    long left = deadline - nanoTime.getAsLong();
    while (page.lines().isEmpty() && left > 0 && !Thread.currentThread().isInterrupted()) {
      logs.awaitMore(query, Duration.ofNanos(left));
      page = logs.read(query);
      left = deadline - nanoTime.getAsLong();
    }
    return page;
  }

  private static List<LogEvent> events(LogReader.Page page, boolean ansi, boolean descending) {
    if (ansi) {
      return page.lines().stream().map(LogController::wire).toList();
    }
    AnsiText text = new AnsiText();
    List<LogReader.Line> lines = descending ? page.lines().reversed() : page.lines();
    List<LogEvent> events = new ArrayList<>();
    for (LogReader.Line line : lines) {
      byte[] plain = text.strip(line.bytes());
      // A page without a line would look like the end of the log.
      if (plain.length > 0 || (events.isEmpty() && line.equals(lines.getLast()))) {
        events.add(wire(new LogReader.Line(line.at(), line.stderr(), plain)));
      }
    }
    return descending ? events.reversed() : events;
  }

  private static LogEvent wire(LogReader.Line line) {
    return new LogEvent(
        line.at(),
        line.stderr() ? LogEventSource.STDERR : LogEventSource.STDOUT,
        Base64.getEncoder().encodeToString(line.bytes()));
  }
}
