package dev.dstack.db.log.cloudwatch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.agent.LogFrame;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.cloudwatchlogs.model.InputLogEvent;

class BatchesTest {
  private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");

  @Test
  void keepsToEveryLimitAndLosesNothing() {
    Random random = new Random(7);
    List<LoggedFrame> frames = new ArrayList<>();
    long offset = 0;
    for (int i = 0; i < 25_000; i++) {
      byte[] bytes =
          new byte[random.nextInt(50) == 0 ? LogFrame.MAX_BYTES : 1 + random.nextInt(90)];
      switch (random.nextInt(3)) {
        case 0 -> random.nextBytes(bytes);
        case 1 -> Arrays.fill(bytes, (byte) 1);
        default -> Arrays.fill(bytes, (byte) 'x');
      }
      // From 20 days ago to some hours ahead, and back now and then.
      Instant at = NOW.minus(Duration.ofDays(20)).plusSeconds(70L * i + random.nextInt(900));
      frames.add(new LoggedFrame(offset, new LogFrame(at, LogFrame.Source.STDERR, bytes)));
      offset = frames.getLast().end();
    }
    List<Batches.Batch> batches = Batches.of(frames, 0, NOW);
    List<LoggedFrame> back = new ArrayList<>();
    long last = 0;
    for (Batches.Batch batch : batches) {
      long bytes = 0;
      assertThat(batch.events().size()).isBetween(1, 10_000);
      assertThat(batch.lastMillis() - batch.events().getFirst().timestamp())
          .isLessThanOrEqualTo(Duration.ofHours(24).toMillis());
      for (InputLogEvent event : batch.events()) {
        int size = event.message().getBytes(StandardCharsets.UTF_8).length + 26;
        assertThat(size).isLessThanOrEqualTo(256 * 1024);
        bytes += size;
        assertThat(event.timestamp()).isGreaterThanOrEqualTo(last);
        last = event.timestamp();
        assertThat(event.timestamp())
            .isBetween(
                NOW.minus(Duration.ofDays(14)).toEpochMilli(),
                NOW.plus(Duration.ofHours(2)).toEpochMilli());
        back.add(LoggedFrame.parse(event.message()).orElseThrow());
      }
      assertThat(bytes).isLessThanOrEqualTo(1024 * 1024);
      assertThat(back.getLast().end()).isEqualTo(batch.end());
    }
    assertThat(back).hasSameSizeAs(frames);
    for (int i = 0; i < frames.size(); i++) {
      assertThat(back.get(i).offset()).isEqualTo(frames.get(i).offset());
      assertThat(back.get(i).frame().encode()).isEqualTo(frames.get(i).frame().encode());
    }
  }

  @Test
  void knowsWhatIsNotItsOwn() {
    for (String text : List.of("", "hello", "{}", "[1]", "{\"offset\": \"a\", \"micros\": 1}")) {
      assertThat(LoggedFrame.parse(text)).isEmpty();
    }
  }
}
