package dev.dstack.agent.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.LogFrame;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskLogTest {
  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00.123456Z");

  @TempDir Path directory;

  private void write(String text) throws IOException {
    Files.writeString(
        directory.resolve("raw"), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }

  private TaskLog open() throws IOException {
    return new TaskLog(directory.resolve("raw"), directory.resolve("index"));
  }

  private static List<LogFrame> frames(TaskLog log) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    log.copy(0, log.end(), out);
    return LogFrame.decode(ByteBuffer.wrap(out.toByteArray()));
  }

  private static List<String> texts(TaskLog log) throws IOException {
    return frames(log).stream().map(f -> new String(f.bytes(), StandardCharsets.UTF_8)).toList();
  }

  @Test
  void nothingIsNothing() throws IOException {
    try (TaskLog log = open()) {
      assertThat(log.tail(NOW, true)).isEqualTo(new TaskLog.Pass(false, false));
      assertThat(log.end()).isZero();
      assertThat(log.available(0, 100)).isZero();
    }
  }

  @Test
  void aLineWithoutItsEndIsHeldUntilItHasOneOrTimeIsUp() throws IOException {
    try (TaskLog log = open()) {
      write("one\ntw");
      assertThat(log.tail(NOW, false)).isEqualTo(new TaskLog.Pass(true, true));
      assertThat(texts(log)).containsExactly("one\n");
      assertThat(log.tail(NOW, false)).isEqualTo(new TaskLog.Pass(false, true));
      write("o\nthr");
      log.tail(NOW, false);
      assertThat(texts(log)).containsExactly("one\n", "two\n");
      assertThat(log.tail(NOW, true)).isEqualTo(new TaskLog.Pass(true, false));
      assertThat(texts(log)).containsExactly("one\n", "two\n", "thr");
    }
  }

  @Test
  void timesNeverGoBack() throws IOException {
    try (TaskLog log = open()) {
      write("one\n");
      log.tail(NOW, false);
      write("two\n");
      log.tail(NOW.minusSeconds(100), false);
      assertThat(frames(log)).extracting(LogFrame::at).containsExactly(NOW, NOW);
    }
  }

  @Test
  void aTornIndexEntryIsCutOffAndMadeAgain() throws IOException {
    byte[] before;
    try (TaskLog log = open()) {
      write("one\n");
      log.tail(NOW, false);
      write("two\n");
      log.tail(NOW, false);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      log.copy(0, log.end(), out);
      before = out.toByteArray();
    }
    Path index = directory.resolve("index");
    byte[] bytes = Files.readAllBytes(index);
    for (int torn = 17; torn < 32; torn++) {
      Files.write(index, java.util.Arrays.copyOf(bytes, torn));
      try (TaskLog log = open()) {
        assertThat(log.end()).isEqualTo(17);
        log.tail(NOW, false);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        log.copy(0, log.end(), out);
        assertThat(out.toByteArray()).isEqualTo(before);
      }
    }
  }

  @Test
  void whatTheTaskTookAwayReadsAsQuestionMarks() throws IOException {
    Path raw = directory.resolve("raw");
    try (TaskLog log = open()) {
      write("one\n");
      log.tail(NOW, false);
      write("two\n");
      log.tail(NOW, false);

      Files.writeString(raw, "one\nt");
      assertThat(texts(log)).containsExactly("one\n", "t???");
      Files.delete(raw);
      assertThat(texts(log)).containsExactly("????", "????");
      Files.createSymbolicLink(raw, Files.writeString(directory.resolve("other"), "secret!!!"));
      assertThat(texts(log)).containsExactly("????", "????");
    }
  }

  @Test
  void anIndexAheadOfTheOutputIsCutBack() throws IOException {
    try (TaskLog log = open()) {
      write("one\n");
      log.tail(NOW, false);
      write("two\n");
      log.tail(NOW, false);
    }
    Files.writeString(directory.resolve("raw"), "one\n");
    try (TaskLog log = open()) {
      assertThat(texts(log)).containsExactly("one\n");
    }
  }

  @Test
  void bytesOfAWindowAreCounted() throws IOException {
    try (TaskLog log = open()) {
      for (int i = 0; i < 200; i++) {
        write("0123456789\n");
        log.tail(NOW.plusSeconds(i), false);
      }
      Instant end = NOW.plusSeconds(199);
      assertThat(log.bytesWithin(Duration.ofSeconds(199), end)).isEqualTo(2_200);
      assertThat(log.bytesWithin(Duration.ofSeconds(99), end)).isEqualTo(1_100);
      assertThat(log.bytesWithin(Duration.ofSeconds(10), end.plusSeconds(1_000))).isZero();
      assertThat(log.bytesWithin(Duration.ofHours(1), end)).isEqualTo(2_200);
      // The clock was set back: the hour before the latest output is what counts.
      assertThat(log.bytesWithin(Duration.ofSeconds(99), end.minusSeconds(3_600))).isEqualTo(1_100);
    }
  }

  @Test
  void everyPieceOfTheLogIsTheSamePiece() throws IOException {
    try (TaskLog log = open()) {
      for (int i = 0; i < 300; i++) {
        write("x".repeat(i % 50) + "\n");
        log.tail(NOW.plusMillis(i), false);
      }
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      log.copy(0, log.end(), all);
      byte[] whole = all.toByteArray();
      for (int offset = 0; offset < whole.length; offset += 97) {
        ByteArrayOutputStream piece = new ByteArrayOutputStream();
        long length = log.available(offset, 211);
        log.copy(offset, length, piece);
        assertThat(piece.toByteArray())
            .isEqualTo(java.util.Arrays.copyOfRange(whole, offset, offset + (int) length));
      }
    }
  }
}
