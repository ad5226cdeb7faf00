package dev.dstack.api.bootstrap;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.db.crypto.EncryptionKey;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.constructor.StandardConstructor;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * Reads {@code config.yml}. A bad entry is left out and named with its line and field; the rest
 * counts. Keys are those of dstack 0.22.5 (projects, encryption, default_permissions, plugins).
 */
public final class ServerConfigReader {
  private static final Pattern PROJECT_NAME = Pattern.compile("[a-zA-Z0-9-_]{1,50}");
  private static final Set<String> TOP_LEVEL =
      Set.of("projects", "encryption", "default_permissions", "plugins");

  private final List<ServerConfig.Problem> problems = new ArrayList<>();

  private ServerConfigReader() {}

  public static ServerConfig read(String yaml) {
    return new ServerConfigReader().parse(yaml);
  }

  private ServerConfig parse(String yaml) {
    Optional<Node> root;
    try {
      root = new Compose(LoadSettings.builder().setLabel("config.yml").build()).composeString(yaml);
    } catch (MarkedYamlEngineException e) {
      int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1);
      problem(line, "(file)", "it is no valid YAML: " + e.getProblem());
      return empty();
    } catch (YamlEngineException e) {
      problem(1, "(file)", "it is no valid YAML: " + e.getMessage());
      return empty();
    }
    if (root.isEmpty()) {
      return ServerConfig.EMPTY;
    }
    if (!(root.get() instanceof MappingNode top)) {
      problem(line(root.get()), "(file)", "a mapping with projects, encryption, … is expected");
      return empty();
    }
    Map<String, Node> keys = keys(top, "");
    for (Map.Entry<String, Node> entry : keys.entrySet()) {
      if (!TOP_LEVEL.contains(entry.getKey())) {
        problem(line(entry.getValue()), entry.getKey(), "unknown key; known are " + TOP_LEVEL);
      }
    }
    Node plugins = keys.get("plugins");
    if (plugins instanceof SequenceNode list && !list.getValue().isEmpty()) {
      problem(line(plugins), "plugins", "plugins are not supported by this server yet");
    }
    return new ServerConfig(
        projects(keys.get("projects")),
        encryptionKeys(keys.get("encryption")),
        permissions(keys.get("default_permissions")),
        problems);
  }

  private ServerConfig empty() {
    return new ServerConfig(List.of(), null, DefaultPermissions.STANDARD, problems);
  }

  private List<ServerConfig.Project> projects(@Nullable Node node) {
    List<ServerConfig.Project> projects = new ArrayList<>();
    List<Node> entries = items(node, "projects");
    for (int i = 0; i < entries.size(); i++) {
      String path = "projects[" + i + "]";
      Map<String, Node> keys = mapping(entries.get(i), path);
      if (keys == null) {
        continue;
      }
      unknown(keys, path, Set.of("name", "backends"));
      String name = text(keys.get("name"), path + ".name", line(entries.get(i)));
      if (name == null) {
        continue;
      }
      if (!PROJECT_NAME.matcher(name).matches()) {
        problem(
            line(entries.get(i)),
            path + ".name",
            "\"" + name + "\" is no project name; letters, digits, - and _, at most 50");
        continue;
      }
      projects.add(new ServerConfig.Project(name, backends(keys.get("backends"), path)));
    }
    return projects;
  }

  private List<ServerConfig.Backend> backends(@Nullable Node node, String path) {
    List<ServerConfig.Backend> backends = new ArrayList<>();
    List<Node> entries = items(node, path + ".backends");
    for (int i = 0; i < entries.size(); i++) {
      String at = path + ".backends[" + i + "]";
      Map<String, Node> keys = mapping(entries.get(i), at);
      if (keys == null) {
        continue;
      }
      String type = text(keys.get("type"), at + ".type", line(entries.get(i)));
      if (type == null) {
        continue;
      }
      Map<String, Object> options = new LinkedHashMap<>();
      keys.forEach(
          (key, value) -> {
            if (!key.equals("type")) {
              options.put(key, value(value));
            }
          });
      backends.add(new ServerConfig.Backend(type, options, line(entries.get(i))));
    }
    return backends;
  }

  private @Nullable List<EncryptionKey> encryptionKeys(@Nullable Node node) {
    if (node == null) {
      return null;
    }
    Map<String, Node> encryption = mapping(node, "encryption");
    if (encryption == null) {
      return null;
    }
    unknown(encryption, "encryption", Set.of("keys"));
    List<EncryptionKey> keys = new ArrayList<>();
    List<Node> entries = items(encryption.get("keys"), "encryption.keys");
    for (int i = 0; i < entries.size(); i++) {
      String path = "encryption.keys[" + i + "]";
      Map<String, Node> entry = mapping(entries.get(i), path);
      if (entry == null) {
        continue;
      }
      int line = line(entries.get(i));
      String type = text(entry.get("type"), path + ".type", line);
      if (type == null) {
        continue;
      }
      switch (type) {
        case "identity" -> {
          unknown(entry, path, Set.of("type"));
          keys.add(new EncryptionKey.Identity());
        }
        case "aes" -> {
          unknown(entry, path, Set.of("type", "name", "secret"));
          String name = text(entry.get("name"), path + ".name", line);
          String secret = text(entry.get("secret"), path + ".secret", line);
          if (name != null && secret != null) {
            try {
              keys.add(EncryptionKey.Aes.of(name, secret));
            } catch (RuntimeException e) {
              // The message of a decoder may quote the secret.
              problem(line, path + ".secret", "it must be 32 bytes in base64");
            }
          }
        }
        default -> problem(line, path + ".type", "\"" + type + "\" is neither aes nor identity");
      }
    }
    return keys;
  }

  private DefaultPermissions permissions(@Nullable Node node) {
    DefaultPermissions standard = DefaultPermissions.STANDARD;
    if (node == null) {
      return standard;
    }
    String path = "default_permissions";
    Map<String, Node> keys = mapping(node, path);
    if (keys == null) {
      return standard;
    }
    String create = "allow_non_admins_create_projects";
    String fleets = "allow_non_admins_manage_ssh_fleets";
    String secrets = "allow_managers_manage_secrets";
    unknown(keys, path, Set.of(create, fleets, secrets));
    return new DefaultPermissions(
        flag(keys.get(create), path + "." + create, standard.nonAdminsCreateProjects()),
        flag(keys.get(fleets), path + "." + fleets, standard.nonAdminsManageSshFleets()),
        flag(keys.get(secrets), path + "." + secrets, standard.managersManageSecrets()));
  }

  private boolean flag(@Nullable Node node, String path, boolean otherwise) {
    if (node == null) {
      return otherwise;
    }
    if (value(node) instanceof Boolean flag) {
      return flag;
    }
    problem(line(node), path, "true or false is expected");
    return otherwise;
  }

  private void unknown(Map<String, Node> keys, String path, Set<String> known) {
    keys.forEach(
        (key, value) -> {
          if (!known.contains(key)) {
            problem(line(value), path + "." + key, "unknown key; known are " + known);
          }
        });
  }

  private @Nullable String text(@Nullable Node node, String path, int lineWithout) {
    if (node == null) {
      problem(lineWithout, path, "it is missing");
      return null;
    }
    if (node instanceof ScalarNode scalar && !scalar.getValue().isBlank()) {
      return scalar.getValue();
    }
    problem(line(node), path, "a text is expected");
    return null;
  }

  private List<Node> items(@Nullable Node node, String path) {
    if (node == null || node instanceof ScalarNode scalar && scalar.getValue().isEmpty()) {
      return List.of();
    }
    if (node instanceof SequenceNode list) {
      return list.getValue();
    }
    problem(line(node), path, "a list is expected");
    return List.of();
  }

  private @Nullable Map<String, Node> mapping(Node node, String path) {
    if (node instanceof MappingNode map) {
      return keys(map, path);
    }
    problem(line(node), path, "a mapping is expected");
    return null;
  }

  private Map<String, Node> keys(MappingNode map, String path) {
    Map<String, Node> keys = new LinkedHashMap<>();
    for (NodeTuple tuple : map.getValue()) {
      if (tuple.getKeyNode() instanceof ScalarNode key) {
        keys.put(key.getValue(), tuple.getValueNode());
      } else {
        problem(line(tuple.getKeyNode()), path, "a key must be a text");
      }
    }
    return keys;
  }

  private static @Nullable Object value(Node node) {
    return new StandardConstructor(LoadSettings.builder().build())
        .constructSingleDocument(Optional.of(node));
  }

  private static int line(Node node) {
    return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
  }

  private void problem(int line, String field, String message) {
    problems.add(new ServerConfig.Problem(line, field, message));
  }
}
