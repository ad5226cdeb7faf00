package dev.dstack.agent.ssh;

import dev.dstack.agent.AgentLog;
import dev.dstack.agent.Durable;
import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Who is logged in, in a file for those who watch the task: {@code sessions.json}. */
public final class SessionsFile implements Consumer<Usage.Now> {
  private final Path file;
  private final AgentLog log;

  public SessionsFile(Path file, AgentLog log) {
    this.file = file;
    this.log = log;
  }

  @Override
  public void accept(Usage.Now now) {
    try {
      Durable.write(file, Json.lenient().writeValueAsBytes(now), "rw-r--r--", false);
    } catch (IOException e) {
      if (Files.isDirectory(file.resolveSibling("."))) {
        log.warn("who is logged in could not be written down", e);
      }
    }
  }

  /** Absent: nothing was written there yet, or not by this. */
  public static Usage.@Nullable Now read(Path file) {
    try {
      return Json.lenient().readValue(Files.readAllBytes(file), Usage.Now.class);
    } catch (NoSuchFileException e) {
      return null;
    } catch (IOException | RuntimeException e) {
      return null;
    }
  }

  /** When it was used last, as far as the file knows. */
  static @Nullable Instant lastUsed(Path file) {
    Usage.Now known = read(file);
    return known == null ? null : known.unusedSince();
  }
}
