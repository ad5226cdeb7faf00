package dev.dstack.e2e.bench;

import dev.dstack.db.log.FileLogStore;
import dev.dstack.db.log.LogKey;
import dev.dstack.db.log.LogPage;
import dev.dstack.db.log.LogQuery;
import dev.dstack.e2e.harness.Docker;
import dev.dstack.e2e.harness.Runs;
import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.ids.JobId;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A job that prints as fast as it can: until all of it is in the server's files. */
final class LogThroughput implements Measurement {
  private static final int LINES = 3_000_000;
  private static final String LINE = "%09d the quick brown fox jumps over the lazy dog, again and";

  @Override
  public String key() {
    return "logs";
  }

  @Override
  public String what() {
    return "one job that prints as fast as it can → log store (files), nothing lost";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws Exception {
    Path shared = Files.createDirectories(scene.server().home().resolve("printed"));
    String sum = write(shared.resolve("text"));
    double megabytes = Files.size(shared.resolve("text")) / 1e6;
    Map<String, Double> speeds = new LinkedHashMap<>();
    speeds.put("host process", megabytes / print(scene, shared, sum, false));
    if ("1".equals(System.getenv(Docker.WANTED))) {
      speeds.put("container", megabytes / print(scene, shared, sum, true));
    }
    scene.table().number("logs_mb_per_second", speeds);
    scene
        .table()
        .row(
            key(),
            what(),
            "≥ 50 MB/s",
            Scene.shown(speeds, 0) + " MB/s; checksum of " + Table.number(megabytes, 0) + " MB",
            "");
  }

  private static String write(Path file) throws IOException, GeneralSecurityException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (OutputStream out = Files.newOutputStream(file)) {
      StringBuilder some = new StringBuilder();
      for (int i = 0; i < LINES; i++) {
        some.append(LINE.formatted(i)).append('\n');
        if (some.length() > 60_000 || i == LINES - 1) {
          byte[] bytes = some.toString().getBytes(StandardCharsets.US_ASCII);
          digest.update(bytes);
          out.write(bytes);
          some.setLength(0);
        }
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Seconds from the first byte printed to the last one in the store. */
  private static double print(Scene scene, Path shared, String sum, boolean inContainer)
      throws Exception {
    String name = inContainer ? "prints-in-box" : "prints";
    String where = inContainer ? "/mnt" : shared.toString();
    Map<String, Object> spec =
        Runs.task(
            name, "sleep 3; /usr/bin/date +%s%N > " + where + "/begun; cat " + where + "/text");
    if (inContainer) {
      spec =
          Runs.with(
              scene.inImage(spec),
              "volumes",
              List.of(Map.of("instance_path", shared.toString(), "path", "/mnt")));
    }
    Runs runs = scene.runs();
    runs.submit(spec);
    var run = runs.awaitEnd(name, Scene.LONG);
    if (!run.path("status").asString().equals("done")) {
      throw new AssertionError(runs.summary(name));
    }
    Path directory = scene.server().serverDirectory();
    LogKey key = new LogKey("main", name, JobId.of(Runs.submissionId(run)), LogKey.Kind.JOB);
    String stored = sumOf(directory, key);
    if (!stored.equals(sum)) {
      throw new AssertionError("what is stored of " + name + " is not what was printed");
    }
    double begun = Double.parseDouble(Files.readString(shared.resolve("begun")).strip()) / 1e9;
    Instant last = lastWritten(directory.resolve("projects/main/logs").resolve(name));
    Duration since = Duration.between(Instant.EPOCH, last);
    return since.getSeconds() + since.getNano() / 1e9 - begun;
  }

  private static String sumOf(Path serverDirectory, LogKey key) throws GeneralSecurityException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    try (FileLogStore store = new FileLogStore(serverDirectory, 0)) {
      String position = null;
      while (true) {
        LogPage page = store.read(key, new LogQuery(null, null, false, position, 1000));
        for (LogFrame frame : page.frames()) {
          digest.update(frame.bytes());
        }
        position = page.next();
        if (!page.more()) {
          return HexFormat.of().formatHex(digest.digest());
        }
      }
    }
  }

  private static Instant lastWritten(Path directory) throws IOException {
    Instant last = Instant.EPOCH;
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file :
          files.filter(each -> each.getFileName().toString().startsWith("job")).toList()) {
        Instant at = Files.getLastModifiedTime(file).toInstant();
        last = at.isAfter(last) ? at : last;
      }
    }
    return last;
  }
}
