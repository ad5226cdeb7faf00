package dev.dstack.agent;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/**
 * The agent's own log. It says what happened to which task and never holds a command, a value of
 * the environment or a token.
 */
public final class AgentLog {
  private static final long ROTATE_BYTES = 8L * 1024 * 1024;

  private final Path file;
  private final InstantSource clock;
  private final String mode;

  public AgentLog(Path file, InstantSource clock) {
    this(file, clock, "rw-------");
  }

  /**
   * @param mode of the file, such as {@code rw-r--r--}
   */
  public AgentLog(Path file, InstantSource clock, String mode) {
    this.file = file;
    this.clock = clock;
    this.mode = mode;
  }

  public void info(String message) {
    write("INFO ", message, null);
  }

  public void warn(String message, @Nullable Throwable cause) {
    write("WARN ", message, cause);
  }

  private synchronized void write(String level, String message, @Nullable Throwable cause) {
    StringWriter text = new StringWriter();
    text.append(clock.instant().toString()).append(' ').append(level).append(message).append('\n');
    if (cause != null) {
      cause.printStackTrace(new PrintWriter(text));
    }
    try {
      if (Files.exists(file) && Files.size(file) > ROTATE_BYTES) {
        Files.move(
            file,
            file.resolveSibling(file.getFileName() + ".1"),
            StandardCopyOption.REPLACE_EXISTING);
      }
      if (!Files.exists(file)) {
        Files.createFile(
            file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(mode)));
      }
      Files.write(
          file, text.toString().getBytes(StandardCharsets.UTF_8), StandardOpenOption.APPEND);
    } catch (IOException e) {
      // A full disk must not stop the tasks; the line is lost, stderr may still take it.
      System.err.print(text);
    }
  }
}
