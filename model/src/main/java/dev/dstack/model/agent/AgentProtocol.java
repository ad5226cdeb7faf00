package dev.dstack.model.agent;

/**
 * Paths and headers of protocol version 1. Every call carries {@code Authorization: Bearer TOKEN}.
 *
 * <pre>
 * GET    /v1/info                                        HostInfo
 * PUT    /v1/archives/{sha256}    tar bytes              204; 400 when the hash does not match
 * HEAD   /v1/archives/{sha256}                           200 | 404
 * POST   /v1/tasks                TaskRequest            TaskInfo
 * GET    /v1/tasks                                       [TaskInfo]
 * GET    /v1/tasks/{id}                                  TaskInfo | 404
 * GET    /v1/tasks/{id}/watch?since=SEQ&amp;log_offset=N&amp;wait_ms=15000
 *                                                        TaskInfo, as soon as seq &gt; since or logEnd &gt; log_offset
 * GET    /v1/tasks/{id}/logs?offset=N&amp;limit=BYTES        log frames as bytes (whole frames not guaranteed)
 * GET    /v1/tasks/{id}/runner-log?offset=N&amp;limit=BYTES  the runner's own words as text | 404
 * GET    /v1/tasks/{id}/metrics                          TaskMetrics | 404; 409 when it does not run
 * GET    /v1/health                                      HostHealth
 * GET    /v1/dcgm                                        DCGM metrics as Prometheus text | 404 without an exporter
 * POST   /v1/tasks/{id}/stop      StopRequest            TaskInfo | 404
 * DELETE /v1/tasks/{id}                                  204; also when unknown; 409 while it runs
 * </pre>
 *
 * Errors are {@code {"kind": ErrorKind, "message": "…"}} with a 4xx or 5xx status.
 */
public final class AgentProtocol {
  public static final String PREFIX = "/v1";

  /** The longest a watch waits, in milliseconds. */
  public static final long WATCH_WAIT_MILLIS = 15_000;

  /** The largest piece of a log that one call returns. */
  public static final int LOG_READ_BYTES = 4 * 1024 * 1024;

  private AgentProtocol() {}

  /** The body of every error. */
  public record Failure(String kind, String message) {}
}
