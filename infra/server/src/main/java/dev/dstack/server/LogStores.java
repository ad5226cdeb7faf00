package dev.dstack.server;

import dev.dstack.db.Database;
import dev.dstack.db.DatabaseRole;
import dev.dstack.db.DatabaseUrl;
import dev.dstack.db.log.FileLogStore;
import dev.dstack.db.log.LogCursors;
import dev.dstack.db.log.LogStore;
import dev.dstack.db.log.cloudwatch.CloudWatchLogStore;
import dev.dstack.model.error.DstackException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;

/** Chooses where logs are kept. */
final class LogStores {
  private static final int CONNECTIONS = 4;

  private LogStores() {}

  /**
   * @throws StartupException when the store that is wanted can't be used
   */
  static LogStore open(
      Map<String, String> env, Path serverDir, DatabaseUrl url, InstantSource clock) {
    String group = env.getOrDefault("DSTACK_SERVER_CLOUDWATCH_LOG_GROUP", "").strip();
    if (group.isEmpty()) {
      return new FileLogStore(serverDir, keepBytes(env));
    }
    String region = env.getOrDefault("DSTACK_SERVER_CLOUDWATCH_LOG_REGION", "").strip();
    Database cursors = Database.open(url, DatabaseRole.WORKER, CONNECTIONS);
    try {
      return CloudWatchLogStore.open(
          group, region.isEmpty() ? null : region, new LogCursors(cursors), clock, cursors);
    } catch (DstackException e) {
      cursors.close();
      throw new StartupException(String.valueOf(e.getMessage()));
    }
  }

  private static long keepBytes(Map<String, String> env) {
    String text = env.getOrDefault("DSTACK_SERVER_LOG_MAX_BYTES_PER_JOB", "").strip();
    if (text.isEmpty()) {
      return 0;
    }
    try {
      return Math.max(0, Long.parseLong(text));
    } catch (NumberFormatException e) {
      throw new StartupException(
          "DSTACK_SERVER_LOG_MAX_BYTES_PER_JOB is \"" + text + "\"; it must be a number of bytes.");
    }
  }
}
