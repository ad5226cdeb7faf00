package dev.dstack.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** {@code ~/.dstack/config.yml}, which tells dstack's CLI and client which server to talk to. */
final class ClientConfigFile {
  private final Path file;

  ClientConfigFile(Path home) {
    this.file = home.resolve(".dstack/config.yml");
  }

  /** What writing a project did to the file. */
  enum Change {
    NONE,
    ADDED,
    UPDATED,
    MADE_DEFAULT
  }

  /** Whether another project is the default one, so that changing it should be asked about. */
  boolean hasOtherDefault(String url, String project) {
    return projects(read()).stream()
        .anyMatch(
            p ->
                Boolean.TRUE.equals(p.get("default"))
                    && !(url.equals(p.get("url")) && project.equals(p.get("name"))));
  }

  /**
   * Writes a project's server and token; other projects stay as they are.
   *
   * @throws StartupException when the file is there and can't be read as YAML
   */
  Change put(String url, String project, String token, boolean makeDefault) {
    Map<String, Object> config = read();
    List<Map<String, Object>> projects = projects(config);
    Map<String, Object> mine =
        projects.stream().filter(p -> project.equals(p.get("name"))).findFirst().orElse(null);
    Change change = Change.NONE;
    if (mine == null) {
      mine = new LinkedHashMap<>();
      mine.put("name", project);
      mine.put("default", false);
      projects.add(mine);
      change = Change.ADDED;
    } else if (!url.equals(mine.get("url")) || !token.equals(mine.get("token"))) {
      change = Change.UPDATED;
    }
    mine.put("url", url);
    mine.put("token", token);
    if (makeDefault && !Boolean.TRUE.equals(mine.get("default"))) {
      projects.forEach(p -> p.put("default", false));
      mine.put("default", true);
      change = change == Change.NONE ? Change.MADE_DEFAULT : change;
    }
    if (change != Change.NONE) {
      config.put("projects", projects);
      write(config);
    }
    return change;
  }

  private Map<String, Object> read() {
    if (!Files.exists(file)) {
      return new LinkedHashMap<>();
    }
    try {
      Object tree =
          new Load(LoadSettings.builder().setLabel(file.toString()).build())
              .loadFromString(Files.readString(file, StandardCharsets.UTF_8));
      return tree instanceof Map<?, ?> map ? copy(map) : new LinkedHashMap<>();
    } catch (YamlEngineException e) {
      throw new StartupException(
          file + " is not valid YAML, so the project can't be written into it: " + e.getMessage());
    } catch (IOException e) {
      throw new StartupException(file + " can't be read: " + e.getMessage());
    }
  }

  private void write(Map<String, Object> config) {
    DumpSettings settings = DumpSettings.builder().setDefaultFlowStyle(FlowStyle.BLOCK).build();
    try {
      Files.createDirectories(Objects.requireNonNull(file.getParent()));
      Path draft = file.resolveSibling(".config.yml." + ProcessHandle.current().pid());
      Files.deleteIfExists(draft);
      Files.createFile(
          draft,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(draft, new Dump(settings).dumpToString(config), StandardCharsets.UTF_8);
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new StartupException(file + " can't be written: " + e.getMessage());
    }
  }

  private static List<Map<String, Object>> projects(Map<String, Object> config) {
    List<Map<String, Object>> projects = new ArrayList<>();
    if (config.get("projects") instanceof List<?> list) {
      for (Object entry : list) {
        if (entry instanceof Map<?, ?> map) {
          projects.add(copy(map));
        }
      }
    }
    return projects;
  }

  private static Map<String, Object> copy(Map<?, ?> map) {
    Map<String, Object> copy = new LinkedHashMap<>();
    map.forEach((key, value) -> copy.put(String.valueOf(key), value));
    return copy;
  }
}
