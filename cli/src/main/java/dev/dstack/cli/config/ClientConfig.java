package dev.dstack.cli.config;

import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.data.Yaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * {@code ~/.dstack/config.yml}, shared with dstack's own client. What this client does not know in
 * it is kept. It holds tokens, so only its owner may read what is written here.
 */
public final class ClientConfig {
  private final Path file;
  private final Map<String, @Nullable Object> others;
  private final List<ProjectEntry> projects;

  private ClientConfig(
      Path file, Map<String, @Nullable Object> others, List<ProjectEntry> projects) {
    this.file = file;
    this.others = others;
    this.projects = projects;
  }

  /** An absent file is an empty one. */
  public static ClientConfig load(Path file) {
    String text;
    try {
      text = Files.readString(file);
    } catch (NoSuchFileException e) {
      text = "";
    } catch (IOException e) {
      throw CliException.failure("Can't read " + file + ": " + e.getMessage(), e);
    }
    Yaml yaml = Yaml.parse(file.toString(), text);
    Map<String, @Nullable Object> others = new LinkedHashMap<>();
    List<ProjectEntry> projects = new ArrayList<>();
    for (Map.Entry<String, Doc> field : yaml.root().fields().entrySet()) {
      if (!field.getKey().equals("projects")) {
        others.put(field.getKey(), field.getValue().value());
        continue;
      }
      for (int i = 0; i < field.getValue().items().size(); i++) {
        projects.add(project(yaml, i, field.getValue().items().get(i)));
      }
    }
    return new ClientConfig(file, others, projects);
  }

  private static ProjectEntry project(Yaml yaml, int index, Doc entry) {
    for (String required : List.of("name", "url", "token")) {
      if (entry.get(required).text() == null) {
        throw CliException.failure(
            yaml.file()
                + ":"
                + yaml.line(List.of("projects", index))
                + ": this project has no `"
                + required
                + "`");
      }
    }
    return new ProjectEntry(
        entry.get("name").text(""),
        entry.get("url").text(""),
        entry.get("token").text(""),
        entry.get("default").truth());
  }

  public Path file() {
    return file;
  }

  public List<ProjectEntry> projects() {
    return List.copyOf(projects);
  }

  public Optional<ProjectEntry> project(String name) {
    return projects.stream().filter(project -> project.name().equals(name)).findFirst();
  }

  public Optional<ProjectEntry> defaultProject() {
    return projects.stream().filter(ProjectEntry::isDefault).findFirst();
  }

  /** Adds or replaces a project. The only one there is is the default. */
  public void put(ProjectEntry entry) {
    boolean isDefault =
        entry.isDefault() || project(entry.name()).map(ProjectEntry::isDefault).orElse(false);
    if (isDefault) {
      projects.replaceAll(
          other -> new ProjectEntry(other.name(), other.url(), other.token(), false));
    }
    ProjectEntry added =
        new ProjectEntry(entry.name(), entry.url(), entry.token(), isDefault || projects.isEmpty());
    for (int i = 0; i < projects.size(); i++) {
      if (projects.get(i).name().equals(entry.name())) {
        projects.set(i, added);
        return;
      }
    }
    projects.add(added);
  }

  public boolean remove(String name) {
    return projects.removeIf(project -> project.name().equals(name));
  }

  /** Written beside the file and moved over it: a reader never sees half of it. */
  public void save() {
    StringBuilder text = new StringBuilder("projects:");
    text.append(projects.isEmpty() ? " []\n" : "\n");
    for (ProjectEntry project : projects) {
      text.append("- default: ").append(project.isDefault()).append('\n');
      text.append("  name: ").append(JsonText.write(project.name())).append('\n');
      text.append("  token: ").append(JsonText.write(project.token())).append('\n');
      text.append("  url: ").append(JsonText.write(project.url())).append('\n');
    }
    // JSON is YAML: whatever else was in the file is kept without a YAML writer.
    others.forEach(
        (name, value) -> text.append(name).append(": ").append(JsonText.write(value)).append('\n'));
    others.computeIfAbsent(
        "repos",
        name -> {
          text.append("repos: []\n");
          return List.of();
        });
    try {
      Path directory = file.toAbsolutePath().getParent();
      if (directory == null) {
        throw new IOException("it has no directory");
      }
      Files.createDirectories(directory);
      Path fresh =
          Files.createTempFile(
              directory,
              "config",
              ".tmp",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(fresh, text);
      Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw CliException.failure("Can't write " + file + ": " + e.getMessage(), e);
    }
  }
}
