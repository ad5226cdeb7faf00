package dev.dstack.api.bootstrap;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.db.crypto.EncryptionKey;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code config.yml} says.
 *
 * @param encryptionKeys absent: the key the server made for itself
 * @param problems entries that were left out, each with its line and field
 */
public record ServerConfig(
    List<Project> projects,
    @Nullable List<EncryptionKey> encryptionKeys,
    DefaultPermissions permissions,
    List<Problem> problems) {
  /** Of a file that is missing or switched off. */
  public static final ServerConfig EMPTY =
      new ServerConfig(List.of(), null, DefaultPermissions.STANDARD, List.of());

  public ServerConfig {
    projects = List.copyOf(projects);
    encryptionKeys = encryptionKeys == null ? null : List.copyOf(encryptionKeys);
    problems = List.copyOf(problems);
  }

  public record Project(String name, List<Backend> backends) {
    public Project {
      backends = List.copyOf(backends);
    }
  }

  /**
   * @param options the entry without its {@code type}
   */
  public record Backend(String type, Map<String, Object> options, int line) {
    @Override
    public String toString() {
      return "Backend[" + type + ", line " + line + "]";
    }
  }

  /**
   * @param field path of the entry, such as {@code projects[0].backends[1].type}
   */
  public record Problem(int line, String field, String message) {
    /** As a person reads it, with the file it is in. */
    public String in(String file) {
      return file + ", line " + line + ", " + field + ": " + message;
    }
  }
}
