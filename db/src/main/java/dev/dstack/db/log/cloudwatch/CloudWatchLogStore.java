package dev.dstack.db.log.cloudwatch;

import dev.dstack.db.log.LogCursors;
import dev.dstack.db.log.LogCursors.Cursor;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogPage;
import dev.dstack.db.log.LogQuery;
import dev.dstack.db.log.LogStore;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatchlogs.CloudWatchLogsClient;
import software.amazon.awssdk.services.cloudwatchlogs.CloudWatchLogsClientBuilder;
import software.amazon.awssdk.services.cloudwatchlogs.model.CloudWatchLogsException;
import software.amazon.awssdk.services.cloudwatchlogs.model.GetLogEventsRequest;
import software.amazon.awssdk.services.cloudwatchlogs.model.GetLogEventsResponse;
import software.amazon.awssdk.services.cloudwatchlogs.model.OutputLogEvent;
import software.amazon.awssdk.services.cloudwatchlogs.model.PutLogEventsResponse;
import software.amazon.awssdk.services.cloudwatchlogs.model.ResourceAlreadyExistsException;
import software.amazon.awssdk.services.cloudwatchlogs.model.ResourceNotFoundException;

/**
 * Logs as streams {@code <project>/<run>/<job>/job} of one log group. CloudWatch can't be asked
 * exactly what it has: each confirmed batch moves a cursor in the database, a writer goes on from
 * there, and what a crash made it put twice is dropped on reading by the offset in each event.
 */
public final class CloudWatchLogStore implements LogStore {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  private static final Pattern POSITION = Pattern.compile("([0-9]{1,18})~(.*)");

  /** CloudWatch gives empty pages between full ones. */
  private static final int PAGES_MAX = 10;

  private final CloudWatchLogsClient client;
  private final String group;
  private final String region;
  private final LogCursors cursors;
  private final InstantSource clock;
  private final AutoCloseable owned;
  private final Map<LogKey, Writer> writers = new ConcurrentHashMap<>();

  /**
   * @param owned closed with the store
   */
  CloudWatchLogStore(
      CloudWatchLogsClient client,
      String group,
      String region,
      LogCursors cursors,
      InstantSource clock,
      AutoCloseable owned) {
    this.client = client;
    this.group = group;
    this.region = region;
    this.cursors = cursors;
    this.clock = clock;
    this.owned = owned;
  }

  /**
   * Credentials come from where AWS's SDK looks for them.
   *
   * @param region absent: as the SDK finds it
   * @param owned closed with the store
   * @throws DstackException saying what is missing
   */
  public static CloudWatchLogStore open(
      String group,
      @Nullable String region,
      LogCursors cursors,
      InstantSource clock,
      AutoCloseable owned) {
    CloudWatchLogsClientBuilder builder = CloudWatchLogsClient.builder();
    if (region != null) {
      builder.region(Region.of(region));
    }
    CloudWatchLogsClient client = translated("reached", group, builder::build);
    String found = client.serviceClientConfiguration().region().id();
    CloudWatchLogStore store = new CloudWatchLogStore(client, group, found, cursors, clock, owned);
    try {
      translated(
          "used",
          group,
          () -> client.describeLogStreams(request -> request.logGroupName(group).limit(1)));
    } catch (DstackException e) {
      client.close();
      throw e;
    }
    return store;
  }

  private static String stream(LogKey key) {
    return key.project() + "/" + key.runName() + "/" + key.job() + "/" + key.kind().word();
  }

  @Override
  public long resumeAt(LogKey key) {
    Writer writer = new Writer(key, cursors.get(key));
    writers.put(key, writer);
    return writer.cursor.storedTo();
  }

  @Override
  public void write(LogKey key, long offset, byte[] bytes) {
    writers.computeIfAbsent(key, _ -> new Writer(key, cursors.get(key))).write(offset, bytes);
  }

  @Override
  public void complete(LogKey key) {
    Writer writer = writers.get(key);
    if (writer != null) {
      writer.write(writer.end(), new byte[0]);
      writers.remove(key, writer);
    }
  }

  /** What has come and is not confirmed yet. */
  private final class Writer {
    private final LogKey key;
    private Cursor cursor;
    private byte[] pending = new byte[0];

    Writer(LogKey key, Cursor cursor) {
      this.key = key;
      this.cursor = cursor;
    }

    synchronized long end() {
      return cursor.storedTo() + pending.length;
    }

    synchronized void write(long offset, byte[] bytes) {
      long known = end() - offset;
      if (known < 0) {
        throw new DstackException(
            ErrorKind.NOT_READY,
            "The log of job " + key.job() + " is written by somebody else; trying again.");
      }
      if (known < bytes.length) {
        ByteBuffer joined = ByteBuffer.allocate(pending.length + bytes.length - (int) known);
        pending = joined.put(pending).put(bytes, (int) known, bytes.length - (int) known).array();
      }
      flush();
    }

    private void flush() {
      List<LoggedFrame> frames = new ArrayList<>();
      long at = cursor.storedTo();
      for (LogFrame frame : LogFrame.decode(ByteBuffer.wrap(pending))) {
        LoggedFrame logged = new LoggedFrame(at, frame);
        frames.add(logged);
        at = logged.end();
      }
      for (Batches.Batch batch : Batches.of(frames, cursor.lastMillis(), clock.instant())) {
        put(batch);
        int confirmed = (int) (batch.end() - cursor.storedTo());
        cursor = new Cursor(batch.end(), batch.lastMillis());
        ByteBuffer rest = ByteBuffer.wrap(pending, confirmed, pending.length - confirmed);
        pending = new byte[rest.remaining()];
        rest.get(pending);
        cursors.advance(key, cursor, clock.instant());
      }
    }

    private void put(Batches.Batch batch) {
      PutLogEventsResponse answer =
          translated(
              "written to",
              group,
              () -> {
                try {
                  return send(batch);
                } catch (ResourceNotFoundException _) {
                  // New, or deleted by somebody.
                  create();
                  return send(batch);
                }
              });
      if (answer.rejectedLogEventsInfo() != null) {
        throw new DstackException(
            ErrorKind.BACKEND_UNAVAILABLE,
            "CloudWatch refused a part of the log of job "
                + key.job()
                + " as too old or too new; check this machine's clock. Trying again.");
      }
    }

    private PutLogEventsResponse send(Batches.Batch batch) {
      return client.putLogEvents(
          request ->
              request.logGroupName(group).logStreamName(stream(key)).logEvents(batch.events()));
    }

    private void create() {
      try {
        client.createLogStream(request -> request.logGroupName(group).logStreamName(stream(key)));
      } catch (ResourceAlreadyExistsException _) {
        // Another worker was quicker.
      }
    }
  }

  @Override
  public LogPage read(LogKey key, LogQuery query) {
    try {
      return translated("read", group, () -> page(key, query));
    } catch (MissingStream _) {
      return new LogPage(List.of(), null, false);
    }
  }

  /** A log that has not been written yet. */
  private static final class MissingStream extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private LogPage page(LogKey key, LogQuery query) {
    boolean forwards = !query.descending();
    long bound = forwards ? 0 : Long.MAX_VALUE;
    String token = null;
    Matcher position = POSITION.matcher(query.position() == null ? "" : query.position());
    if (position.matches()) {
      bound = Long.parseLong(position.group(1));
      token = position.group(2).isEmpty() ? null : position.group(2);
    }
    List<LogFrame> frames = new ArrayList<>();
    for (int i = 0; i < PAGES_MAX; i++) {
      GetLogEventsResponse answer = get(key, query, token, query.limit() - frames.size());
      List<OutputLogEvent> events = forwards ? answer.events() : answer.events().reversed();
      for (OutputLogEvent event : events) {
        LoggedFrame frame = LoggedFrame.parse(event.message()).orElse(null);
        // Put twice, or not ours.
        if (frame == null || (forwards ? frame.offset() < bound : frame.offset() >= bound)) {
          continue;
        }
        Instant at = frame.frame().at();
        if (forwards && query.before() != null && !at.isBefore(query.before())) {
          return new LogPage(frames, position(bound, token), false);
        }
        bound = forwards ? frame.end() : frame.offset();
        if ((query.after() == null || at.isAfter(query.after()))
            && (query.before() == null || !at.isAfter(query.before()))) {
          frames.add(frame.frame());
        }
      }
      String next = forwards ? answer.nextForwardToken() : answer.nextBackwardToken();
      boolean end = next == null || next.equals(token);
      token = next;
      if (frames.size() == query.limit() || end) {
        return new LogPage(frames, position(bound, token), frames.size() == query.limit());
      }
    }
    return new LogPage(frames, position(bound, token), query.descending());
  }

  private static String position(long bound, @Nullable String token) {
    return bound + "~" + (token == null ? "" : token);
  }

  private GetLogEventsResponse get(LogKey key, LogQuery query, @Nullable String token, int limit) {
    GetLogEventsRequest.Builder request =
        GetLogEventsRequest.builder()
            .logGroupName(group)
            .logStreamName(stream(key))
            .startFromHead(!query.descending())
            .limit(limit)
            .nextToken(token);
    Instant after = query.after();
    if (after != null) {
      // Events may stand under a later time than their own, never under an earlier one.
      request.startTime(after.toEpochMilli());
    }
    try {
      return client.getLogEvents(request.build());
    } catch (ResourceNotFoundException _) {
      throw new MissingStream();
    }
  }

  @Override
  public Duration lookEvery() {
    return LOOK_EVERY;
  }

  @Override
  public Optional<String> externalUrl(LogKey key) {
    return Optional.of(
        "https://console.aws.amazon.com/cloudwatch/home?region="
            + region
            + "#logsV2:log-groups/log-group/"
            + quoted(group)
            + "/log-events/"
            + quoted(stream(key)));
  }

  private static String quoted(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  @Override
  public void stored(Consumer<List<Stored>> batches) {
    cursors.all(batches);
  }

  @Override
  public void delete(LogKey key) {
    for (LogKey.Kind kind : LogKey.Kind.values()) {
      String stream = stream(new LogKey(key.project(), key.runName(), key.job(), kind));
      translated(
          "deleted from",
          group,
          () -> {
            try {
              return client.deleteLogStream(
                  request -> request.logGroupName(group).logStreamName(stream));
            } catch (ResourceNotFoundException _) {
              return "gone";
            }
          });
    }
    cursors.remove(key.job());
  }

  @Override
  public void close() {
    client.close();
    try {
      owned.close();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static <T> T translated(String verb, String group, Supplier<T> call) {
    try {
      return call.get();
    } catch (ResourceNotFoundException e) {
      throw new DstackException(
          ErrorKind.NOT_READY,
          "CloudWatch has no log group "
              + group
              + "; create it, or name another in"
              + " DSTACK_SERVER_CLOUDWATCH_LOG_GROUP.",
          e);
    } catch (CloudWatchLogsException e) {
      throw failure(e.isThrottlingException(), verb, group, e);
    } catch (SdkException e) {
      throw failure(false, verb, group, e);
    }
  }

  private static DstackException failure(
      boolean throttled, String verb, String group, SdkException e) {
    return new DstackException(
        throttled ? ErrorKind.BACKEND_THROTTLED : ErrorKind.BACKEND_UNAVAILABLE,
        "The CloudWatch log group " + group + " can't be " + verb + ": " + e.getMessage(),
        e);
  }
}
