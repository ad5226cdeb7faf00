package dev.dstack.cli.apply;

import dev.dstack.cli.Session;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.http.ApiClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The output of one submission of a job, each piece once.
 *
 * <p>A server that knows {@code wait_ms} holds the answer until there is something new and always
 * says where to go on. One that does not answers at once, and says where to go on only where a page
 * is full: then the page is asked for again and what was seen of it is skipped.
 */
final class LogPoller {
  private static final int PAGE = 1000;
  private static final Duration SLACK = Duration.ofSeconds(30);

  private final Session session;
  private final String runName;
  private volatile String submissionId;
  private final @Nullable String startTime;
  private final boolean diagnose;
  private @Nullable String token;
  private int seen;

  LogPoller(
      Session session,
      String runName,
      String submissionId,
      @Nullable String startTime,
      boolean diagnose) {
    this.session = session;
    this.runName = runName;
    this.submissionId = submissionId;
    this.startTime = startTime;
    this.diagnose = diagnose;
  }

  /** The same submission under the id it was given for good; what was read stays read. */
  void renamed(String newId) {
    submissionId = newId;
  }

  /** What is new; nothing where nothing came within {@code wait}. */
  List<byte[]> poll(ApiClient api, Duration wait) {
    Map<String, @Nullable Object> body = new LinkedHashMap<>();
    body.put("run_name", runName);
    body.put("job_submission_id", submissionId);
    body.put("start_time", startTime);
    body.put("end_time", null);
    body.put("descending", false);
    body.put("next_token", token);
    body.put("limit", PAGE);
    body.put("diagnose", diagnose);
    Doc answer =
        api.post(
            session.path("/logs/poll") + "?wait_ms=" + wait.toMillis(), body, wait.plus(SLACK));
    List<Doc> logs = answer.get("logs").items();
    List<byte[]> fresh = new ArrayList<>();
    for (Doc log : logs.subList(Math.min(seen, logs.size()), logs.size())) {
      fresh.add(Base64.getDecoder().decode(log.get("message").text("")));
    }
    String next = answer.get("next_token").text();
    seen = next == null ? Math.max(seen, logs.size()) : 0;
    token = next == null ? token : next;
    return fresh;
  }
}
