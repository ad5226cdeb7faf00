package dev.dstack.embedded;

import dev.dstack.embedded.ProcFs.ProcessKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * What runs under a server directory: pids, ports and versions, in {@code runtime.json}. The next
 * start finds in it what a killed server has left behind, and scripts find ports.
 */
final class RuntimeFile {
  /**
   * @param fingerprint of all that shaped the process (binaries, configuration): an orphan is kept
   *     only if the same would be started again
   */
  record Part(
      long pid,
      long startTicks,
      int port,
      Map<String, Integer> ports,
      String version,
      String fingerprint) {
    ProcessKey process() {
      return new ProcessKey(pid, startTicks);
    }
  }

  record Content(
      String bootId,
      long serverPid,
      @Nullable String temporalAddress,
      @Nullable String temporalNamespace,
      @Nullable String temporalUiUrl,
      Map<String, Part> parts) {}

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path file;
  private final Map<String, Part> before;
  private final Map<String, Part> parts = new TreeMap<>();
  private @Nullable String temporalAddress;
  private @Nullable String temporalNamespace;
  private @Nullable String temporalUiUrl;

  private RuntimeFile(Path file, Map<String, Part> before) {
    this.file = file;
    this.before = before;
  }

  static RuntimeFile open(Path file) {
    Map<String, Part> before = Map.of();
    if (Files.exists(file)) {
      try {
        Content content = JSON.readValue(Files.readString(file), Content.class);
        if (content.bootId().equals(ProcFs.bootId())) {
          before = Map.copyOf(content.parts());
        } else {
          // After a boot the ports still are worth keeping, the processes are not.
          Map<String, Part> ports = new TreeMap<>();
          content
              .parts()
              .forEach(
                  (name, part) ->
                      ports.put(
                          name,
                          new Part(
                              0,
                              0,
                              part.port(),
                              part.ports(),
                              part.version(),
                              part.fingerprint())));
          before = ports;
        }
      } catch (IOException | JacksonException | NullPointerException e) {
        // Half a file can't be (it is replaced in one step); one edited by hand is written anew.
        before = Map.of();
      }
    }
    return new RuntimeFile(file, before);
  }

  /** What an earlier server wrote of this part. */
  Optional<Part> before(String name) {
    return Optional.ofNullable(before.get(name));
  }

  synchronized void put(String name, Part part) {
    parts.put(name, part);
    write();
  }

  synchronized void remove(String name) {
    Part part = parts.get(name);
    if (part != null) {
      parts.put(
          name, new Part(0, 0, part.port(), part.ports(), part.version(), part.fingerprint()));
      write();
    }
  }

  synchronized void temporal(String address, String namespace, String uiUrl) {
    temporalAddress = address;
    temporalNamespace = namespace;
    temporalUiUrl = uiUrl;
    write();
  }

  private void write() {
    // Parts not started yet keep their earlier entry: a start that is killed must not forget them.
    Map<String, Part> all = new TreeMap<>(before);
    all.putAll(parts);
    Content content =
        new Content(
            ProcFs.bootId(),
            ProcessHandle.current().pid(),
            temporalAddress,
            temporalNamespace,
            temporalUiUrl,
            all);
    try {
      FileTree.writePrivately(file, JSON.writeValueAsString(content) + "\n");
    } catch (IOException e) {
      throw new EmbeddedException("Cannot write " + file + ": " + e.getMessage(), e);
    }
  }
}
