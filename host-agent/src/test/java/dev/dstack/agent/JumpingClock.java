package dev.dstack.agent;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A clock for other processes that can be set; see {@code src/test/c/clock.c}. */
final class JumpingClock {
  private static final int JUMP_BYTES = 16;

  private final Path library;
  private final Path jumps;
  private int count;

  JumpingClock(Path directory) throws IOException, InterruptedException {
    library = directory.resolve("clock.so");
    jumps = directory.resolve("jumps");
    try (RandomAccessFile file = new RandomAccessFile(jumps.toFile(), "rw")) {
      file.setLength(8 + 64 * JUMP_BYTES);
    }
    Process compiler =
        new ProcessBuilder(
                "gcc",
                "-shared",
                "-fPIC",
                "-O1",
                "-nostdlib",
                "-fno-stack-protector",
                "-o",
                library.toString(),
                Path.of("src/test/c/clock.c").toAbsolutePath().toString())
            .redirectErrorStream(true)
            .start();
    String said =
        new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (!compiler.waitFor(60, TimeUnit.SECONDS) || compiler.exitValue() != 0) {
      throw new IOException("gcc: " + said);
    }
  }

  static boolean canBeMade() {
    return Arrays.stream(System.getenv("PATH").split(":"))
        .anyMatch(place -> Files.isExecutable(Path.of(place, "gcc")));
  }

  /** Of a process that is to have this clock. */
  Map<String, String> environment() {
    return Map.of("LD_PRELOAD", library.toString(), "CLOCK_JUMPS", jumps.toString());
  }

  /** From the next second on it shows so much more than it is. */
  void set(long secondsAhead) {
    try (FileChannel file = FileChannel.open(jumps, StandardOpenOption.WRITE)) {
      long from = Instant.now().getEpochSecond() + 1;
      write(file, 8 + (long) count * JUMP_BYTES, List.of(from, secondsAhead));
      // Only what is there whole counts.
      count++;
      write(file, 0, List.of((long) count));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(FileChannel file, long at, List<Long> values) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(8 * values.size()).order(ByteOrder.nativeOrder());
    values.forEach(buffer::putLong);
    buffer.flip();
    while (buffer.hasRemaining()) {
      file.write(buffer, at + buffer.position());
    }
  }
}
