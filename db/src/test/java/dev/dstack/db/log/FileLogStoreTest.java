package dev.dstack.db.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.error.DstackException;
import dev.dstack.model.ids.JobId;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FileLogStoreTest {
  private static final Instant START = Instant.parse("2026-11-20T10:00:00Z");

  @TempDir private Path dir;
  private final LogKey key = new LogKey("main", "hello", new JobId(UUID.randomUUID()));
  private FileLogStore store;

  @BeforeEach
  void open() {
    store = new FileLogStore(dir, 0);
  }

  static LongStream seeds() {
    return LongStream.range(0, 60);
  }

  /**
   * Writers that die anywhere, come back, overlap one another and repeat themselves leave one exact
   * copy.
   */
  @ParameterizedTest
  @MethodSource("seeds")
  void anyWayOfCopyingMakesTheSameCopy(long seed) throws Exception {
    Random random = new Random(seed);
    byte[] original = original(random, 1 + random.nextInt(60));
    Path file = store.file(key);
    long done = 0;
    while (done < original.length) {
      long offset = random.nextBoolean() ? store.resumeAt(key) : done - random.nextLong(done + 1);
      int length = (int) Math.min(original.length - offset, 1 + random.nextInt(3_000));
      byte[] piece = Arrays.copyOfRange(original, (int) offset, (int) offset + length);
      if (random.nextInt(4) == 0) {
        // Killed in the middle of the write.
        piece = Arrays.copyOf(piece, random.nextInt(piece.length + 1));
      }
      store.write(key, offset, piece);
      done = Math.max(done, offset + piece.length);
      if (random.nextInt(6) == 0) {
        // The power was cut: the end of the file is gone, or zeros.
        long size = Files.size(file);
        long cut = random.nextLong(Math.min(size, 500) + 1);
        try (var channel = java.nio.channels.FileChannel.open(file, StandardOpenOption.WRITE)) {
          channel.truncate(size - cut);
          if (random.nextBoolean() && cut > 0) {
            channel.write(java.nio.ByteBuffer.allocate((int) cut), size - cut);
          }
        }
        done = store.resumeAt(key);
      }
      assertThat(store.resumeAt(key)).isLessThanOrEqualTo(original.length);
      assertPrefix(original, Files.readAllBytes(file), (int) store.resumeAt(key));
    }
    store.complete(key);
    assertThat(Files.readAllBytes(file)).isEqualTo(original);
  }

  @Test
  void goesOnShortlyBeforeTheEndOfALongLog() {
    byte[] frame =
        new LogFrame(START, LogFrame.Source.STDOUT, new byte[LogFrame.MAX_BYTES]).encode();
    for (int i = 0; i < 40; i++) {
      store.write(key, (long) i * frame.length, frame);
    }
    store.write(key, 40L * frame.length, Arrays.copyOf(frame, 5));
    assertThat(store.resumeAt(key)).isEqualTo(40L * frame.length - 1024 * 1024);
  }

  private static void assertPrefix(byte[] original, byte[] copy, int length) {
    assertThat(Arrays.copyOf(copy, length)).isEqualTo(Arrays.copyOf(original, length));
  }

  @Test
  void pagesForwards() {
    fill(25);
    assertThat(text(page(null, null, false, null, 10).frames())).isEqualTo(lines(0, 10));
    List<String> all = new ArrayList<>();
    LogPage page = page(null, null, false, null, 10);
    all.addAll(text(page.frames()));
    while (page.more()) {
      page = page(null, null, false, page.next(), 10);
      all.addAll(text(page.frames()));
    }
    assertThat(all).isEqualTo(lines(0, 25));
    assertThat(page(null, null, false, page.next(), 10).frames()).isEmpty();

    write(25);
    assertThat(text(page(null, null, false, page.next(), 10).frames()))
        .as("a follower goes on where the log ended")
        .isEqualTo(lines(25, 26));
  }

  @Test
  void pagesBackwards() {
    fill(25);
    List<String> all = new ArrayList<>();
    LogPage page = page(null, null, true, null, 10);
    all.addAll(text(page.frames()));
    while (page.more()) {
      page = page(null, null, true, page.next(), 10);
      all.addAll(text(page.frames()));
    }
    assertThat(all).isEqualTo(lines(0, 25).reversed());
  }

  @Test
  void filtersByTime() {
    fill(10);
    assertThat(text(page(at(2), null, false, null, 100).frames())).isEqualTo(lines(3, 10));
    assertThat(text(page(null, at(4), false, null, 100).frames())).isEqualTo(lines(0, 4));
    assertThat(text(page(at(2), at(6), true, null, 2).frames())).isEqualTo(lines(5, 7).reversed());
  }

  @Test
  void doesNotShowAFrameThatIsBeingWritten() {
    fill(2);
    byte[] next = frame(2);
    long end = Long.parseLong(page(null, null, false, null, 10).next());
    store.write(key, end, Arrays.copyOf(next, next.length - 1));
    assertThat(text(page(null, null, false, null, 10).frames())).isEqualTo(lines(0, 2));
    assertThat(text(page(null, null, true, null, 1).frames())).isEqualTo(lines(1, 2));
    store.write(key, end + next.length - 1, Arrays.copyOfRange(next, next.length - 1, next.length));
    assertThat(text(page(null, null, false, null, 10).frames())).isEqualTo(lines(0, 3));
  }

  @Test
  void aLogThatDoesNotExistIsEmpty() {
    assertThat(page(null, null, false, null, 10)).isEqualTo(new LogPage(List.of(), null, false));
    assertThat(store.resumeAt(key)).isZero();
    store.complete(key);
  }

  @Test
  void leavesNoGap() {
    fill(1);
    assertThatThrownBy(() -> store.write(key, 1_000, frame(1))).isInstanceOf(DstackException.class);
  }

  /** Small files, so that frames and pieces lie across their borders in every way. */
  @ParameterizedTest
  @MethodSource("seeds")
  void goesOnInFurtherFiles(long seed) throws Exception {
    Random random = new Random(seed);
    store = new FileLogStore(dir, 200 + random.nextInt(1_500), 0);
    byte[] original = original(random, 20 + random.nextInt(80));
    long done = 0;
    while (done < original.length) {
      long offset = random.nextInt(3) == 0 ? store.resumeAt(key) : done;
      int length = (int) Math.min(original.length - offset, 1 + random.nextInt(900));
      store.write(key, offset, Arrays.copyOfRange(original, (int) offset, (int) offset + length));
      done = Math.max(done, offset + length);
    }
    store.complete(key);
    List<LogFrame> frames = LogFrame.decode(java.nio.ByteBuffer.wrap(original));
    for (boolean descending : List.of(false, true)) {
      List<LogFrame> read = new ArrayList<>();
      LogPage page = page(null, null, descending, null, 7);
      read.addAll(page.frames());
      while (page.more()) {
        page = page(null, null, descending, page.next(), 7);
        read.addAll(page.frames());
      }
      assertThat(encoded(descending ? read.reversed() : read)).isEqualTo(encoded(frames));
    }
    Instant after = frames.get(frames.size() / 2).at();
    assertThat(encoded(page(after, null, false, null, 1_000).frames()))
        .isEqualTo(encoded(frames.subList(frames.size() / 2 + 1, frames.size())));
  }

  private static List<String> encoded(List<LogFrame> frames) {
    return frames.stream()
        .map(frame -> java.util.HexFormat.of().formatHex(frame.encode()))
        .toList();
  }

  @Test
  void keepsTheEndOfALogThatIsTooLong() {
    store = new FileLogStore(dir, 1_000, 2_000);
    for (int i = 0; i < 500; i++) {
      store.write(key, offset(i), frame(i));
    }
    List<String> kept = text(page(null, null, false, null, 1_000).frames());
    assertThat(kept).isEqualTo(lines(500 - kept.size(), 500));
    assertThat(kept).hasSizeBetween(2_000 / frame(499).length, 4_000 / frame(0).length);
    assertThat(text(page(null, null, false, "0", 1).frames())).isEqualTo(kept.subList(0, 1));
    // A copy that begins again writes nothing of what is gone.
    store.write(key, 0, frame(0));
    assertThat(text(page(null, null, false, null, 1_000).frames())).isEqualTo(kept);
  }

  private static long offset(int number) {
    return IntStream.range(0, number).mapToLong(i -> frame(i).length).sum();
  }

  @Test
  void listsAndForgetsJobs() throws Exception {
    fill(3);
    store.write(
        new LogKey(key.project(), key.runName(), key.job(), LogKey.Kind.RUNNER), 0, frame(0));
    List<LogStore.Stored> stored = new ArrayList<>();
    store.stored(stored::addAll);
    assertThat(stored).extracting(LogStore.Stored::key).containsExactly(key);
    store.delete(key);
    store.delete(key);
    assertThat(Files.exists(dir.resolve("projects/main/logs/hello"))).isFalse();
    assertThat(page(null, null, false, null, 10).frames()).isEmpty();
  }

  @Test
  void refusesNamesThatLeadElsewhere() {
    for (String name : List.of("..", "a/b", "", ".")) {
      assertThatThrownBy(() -> store.file(new LogKey(name, "run", key.job())))
          .isInstanceOf(DstackException.class);
    }
  }

  private LogPage page(
      @Nullable Instant after,
      @Nullable Instant before,
      boolean descending,
      @Nullable String position,
      int limit) {
    return store.read(key, new LogQuery(after, before, descending, position, limit));
  }

  private void fill(int count) {
    IntStream.range(0, count).forEach(this::write);
  }

  private void write(int number) {
    String end = page(null, null, false, null, 1_000).next();
    store.write(key, end == null ? 0 : Long.parseLong(end), frame(number));
  }

  private static byte[] frame(int number) {
    return new LogFrame(at(number), LogFrame.Source.STDOUT, ("line " + number).getBytes(UTF_8))
        .encode();
  }

  private static Instant at(int number) {
    return START.plusSeconds(number);
  }

  private static List<String> lines(int from, int to) {
    return IntStream.range(from, to).mapToObj(number -> "line " + number).toList();
  }

  private static List<String> text(List<LogFrame> frames) {
    return frames.stream().map(frame -> new String(frame.bytes(), UTF_8)).toList();
  }

  private static byte[] original(Random random, int frames) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < frames; i++) {
      byte[] text = new byte[1 + random.nextInt(300)];
      random.nextBytes(text);
      bytes.writeBytes(new LogFrame(at(i), LogFrame.Source.STDERR, text).encode());
    }
    return bytes.toByteArray();
  }
}
