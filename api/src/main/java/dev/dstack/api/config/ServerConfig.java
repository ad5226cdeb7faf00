package dev.dstack.api.config;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.api.backend.BackendTypes;
import dev.dstack.api.web.YamlText;
import dev.dstack.db.crypto.EncryptionKey;
import dev.dstack.model.error.DstackException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The server's config.yml. An entry that is wrong is told of and left out; the rest counts.
 *
 * @param keys absent: the file says nothing about encryption
 */
public record ServerConfig(
    List<Project> projects,
    @Nullable List<EncryptionKey> keys,
    DefaultPermissions defaultPermissions,
    List<Problem> problems) {
  private static final Set<String> TOP =
      Set.of("projects", "encryption", "default_permissions", "plugins");
  private static final Set<String> PERMISSIONS =
      Set.of(
          "allow_non_admins_create_projects",
          "allow_non_admins_manage_ssh_fleets",
          "allow_managers_manage_secrets");

  public ServerConfig {
    projects = List.copyOf(projects);
    keys = keys == null ? null : List.copyOf(keys);
    problems = List.copyOf(problems);
  }

  /**
   * @param backends absent: the file leaves them to the API; otherwise exactly these
   */
  public record Project(String name, @Nullable List<Backend> backends) {
    public Project {
      backends = backends == null ? null : List.copyOf(backends);
    }
  }

  /**
   * @param config the entry as written, with its type
   */
  public record Backend(String type, JsonNode config) {}

  /** What is wrong, and where. */
  public record Problem(String file, int line, String field, String message) {
    /** {@code config.yml:7: projects[0].backends[1].type: …} */
    public String pretty() {
      return file + ":" + line + ": " + (field.isEmpty() ? "" : field + ": ") + message;
    }
  }

  public static ServerConfig empty() {
    return new ServerConfig(List.of(), null, DefaultPermissions.STANDARD, List.of());
  }

  /** Of a file that doesn't exist: nothing is said about anything. */
  public static ServerConfig load(Path file, BackendTypes types) {
    try {
      return parse(file.toString(), Files.readString(file), types);
    } catch (NoSuchFileException e) {
      return empty();
    } catch (IOException e) {
      Problem problem = new Problem(file.toString(), 1, "", "it can't be read: " + e);
      return new ServerConfig(List.of(), null, DefaultPermissions.STANDARD, List.of(problem));
    }
  }

  public static ServerConfig parse(String file, String text, BackendTypes types) {
    try {
      return new Reader(file, YamlText.parse(text), types).read();
    } catch (YamlText.BadYamlException e) {
      Problem problem = new Problem(file, e.line(), "", "it is not valid YAML: " + e.getMessage());
      return new ServerConfig(List.of(), null, DefaultPermissions.STANDARD, List.of(problem));
    }
  }

  private static final class Reader {
    private final String file;
    private final YamlText.Document document;
    private final BackendTypes types;
    private final List<Problem> problems = new ArrayList<>();

    Reader(String file, YamlText.Document document, BackendTypes types) {
      this.file = file;
      this.document = document;
      this.types = types;
    }

    ServerConfig read() {
      JsonNode root = document.tree();
      if (!root.isObject()) {
        problem("", "it must be a mapping with " + String.join(", ", sorted(TOP)));
        return new ServerConfig(List.of(), null, DefaultPermissions.STANDARD, problems);
      }
      refuseUnknown(root, "", TOP);
      List<Project> projects = projects(root.get("projects"));
      List<EncryptionKey> keys = keys(root.get("encryption"));
      DefaultPermissions permissions = permissions(root.get("default_permissions"));
      JsonNode plugins = root.get("plugins");
      if (plugins != null && !plugins.isNull() && !(plugins.isArray() && plugins.isEmpty())) {
        problem("plugins", "plugins are not supported by this server version yet");
      }
      return new ServerConfig(projects, keys, permissions, problems);
    }

    private List<Project> projects(@Nullable JsonNode node) {
      List<Project> projects = new ArrayList<>();
      if (node == null || node.isNull()) {
        return projects;
      }
      if (!node.isArray()) {
        problem("projects", "it must be a list");
        return projects;
      }
      Set<String> names = new HashSet<>();
      for (int i = 0; i < node.size(); i++) {
        String path = "projects[" + i + "]";
        JsonNode item = node.get(i);
        if (!item.isObject()) {
          problem(path, "it must be a mapping with name and backends");
          continue;
        }
        refuseUnknown(item, path, Set.of("name", "backends"));
        JsonNode name = item.get("name");
        if (name == null
            || !name.isString()
            || !name.stringValue().matches("[a-zA-Z0-9_-]{1,50}")) {
          problem(path + ".name", "it must have 1 to 50 letters, digits, '-' or '_'");
          continue;
        }
        if (!names.add(name.stringValue())) {
          problem(path + ".name", "project '" + name.stringValue() + "' stands here twice");
          continue;
        }
        projects.add(new Project(name.stringValue(), backends(item.get("backends"), path)));
      }
      return projects;
    }

    private @Nullable List<Backend> backends(@Nullable JsonNode node, String project) {
      if (node == null || node.isNull()) {
        return null;
      }
      String list = project + ".backends";
      List<Backend> backends = new ArrayList<>();
      if (!node.isArray()) {
        problem(list, "it must be a list");
        return null;
      }
      Set<String> seen = new HashSet<>();
      for (int i = 0; i < node.size(); i++) {
        String path = list + "[" + i + "]";
        JsonNode item = node.get(i);
        JsonNode type = item.get("type");
        if (type == null || !type.isString()) {
          problem(path + ".type", "it must name the backend's type");
        } else if (!types.names().contains(type.stringValue())) {
          problem(
              path + ".type",
              "backend '"
                  + type.stringValue()
                  + "' is not available in this version; it has: "
                  + String.join(", ", types.names()));
        } else if (!seen.add(type.stringValue())) {
          problem(path + ".type", "backend '" + type.stringValue() + "' stands here twice");
        } else {
          Optional<String> wrong = types.problem(type.stringValue(), item);
          if (wrong.isPresent()) {
            problem(path, wrong.get());
          } else {
            backends.add(new Backend(type.stringValue(), item));
          }
        }
      }
      return backends;
    }

    private @Nullable List<EncryptionKey> keys(@Nullable JsonNode node) {
      if (node == null || node.isNull()) {
        return null;
      }
      JsonNode list = node.get("keys");
      if (!node.isObject() || list == null || !list.isArray()) {
        problem("encryption", "it must have a list of keys");
        return null;
      }
      refuseUnknown(node, "encryption", Set.of("keys"));
      List<EncryptionKey> keys = new ArrayList<>();
      for (int i = 0; i < list.size(); i++) {
        String path = "encryption.keys[" + i + "]";
        JsonNode item = list.get(i);
        String type = text(item, "type");
        if ("identity".equals(type)) {
          refuseUnknown(item, path, Set.of("type"));
          keys.add(new EncryptionKey.Identity());
        } else if ("aes".equals(type)) {
          refuseUnknown(item, path, Set.of("type", "name", "secret"));
          String name = text(item, "name");
          String secret = text(item, "secret");
          if (name == null || secret == null) {
            problem(path, "an aes key has a name and a secret of 32 bytes in base64");
            continue;
          }
          try {
            keys.add(EncryptionKey.Aes.of(name, secret));
          } catch (DstackException e) {
            problem(path, String.valueOf(e.getMessage()));
          }
        } else {
          problem(path + ".type", "it must be aes or identity");
        }
      }
      return keys;
    }

    private DefaultPermissions permissions(@Nullable JsonNode node) {
      DefaultPermissions standard = DefaultPermissions.STANDARD;
      if (node == null || node.isNull()) {
        return standard;
      }
      if (!node.isObject()) {
        problem("default_permissions", "it must be a mapping");
        return standard;
      }
      refuseUnknown(node, "default_permissions", PERMISSIONS);
      return new DefaultPermissions(
          flag(node, "allow_non_admins_create_projects", standard.nonAdminsCreateProjects()),
          flag(node, "allow_non_admins_manage_ssh_fleets", standard.nonAdminsManageSshFleets()),
          flag(node, "allow_managers_manage_secrets", standard.managersManageSecrets()));
    }

    private boolean flag(JsonNode node, String field, boolean otherwise) {
      JsonNode value = node.get(field);
      if (value == null || value.isNull()) {
        return otherwise;
      }
      if (!value.isBoolean()) {
        problem("default_permissions." + field, "it must be true or false");
        return otherwise;
      }
      return value.booleanValue();
    }

    private void refuseUnknown(JsonNode node, String path, Set<String> known) {
      for (Map.Entry<String, JsonNode> field : node.properties()) {
        if (!known.contains(field.getKey())) {
          problem(
              path.isEmpty() ? field.getKey() : path + "." + field.getKey(),
              "this field is unknown; known are " + String.join(", ", sorted(known)));
        }
      }
    }

    private static List<String> sorted(Set<String> names) {
      return names.stream().sorted().toList();
    }

    private static @Nullable String text(JsonNode node, String field) {
      JsonNode value = node.get(field);
      return value != null && value.isString() ? value.stringValue() : null;
    }

    private void problem(String field, String message) {
      problems.add(new Problem(file, document.line(field), field, message));
    }
  }
}
