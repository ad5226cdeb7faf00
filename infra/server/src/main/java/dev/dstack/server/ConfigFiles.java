package dev.dstack.server;

import dev.dstack.api.backend.BackendTypes;
import dev.dstack.api.config.ServerConfig;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.db.crypto.KeyFile;
import dev.dstack.model.offer.BackendType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the server's directory says at its start: projects, backends, keys. */
final class ConfigFiles {
  private static final Logger log = LoggerFactory.getLogger(ConfigFiles.class);

  private static final String FIRST_CONFIG =
      """
      # Projects and their backends; read when the server starts. See docs/configuration.md.
      projects:
      - name: main
        backends:
        # Runs jobs as processes of this machine.
        - type: local
      """;

  private static final String FIRST_CONFIG_WITHOUT_LOCAL =
      """
      # Projects and their backends; read when the server starts. See docs/configuration.md.
      # This server listens beyond loopback, so the backend `local`, which runs jobs as processes of this machine,
      # was left out. To have it, add it here and set DSTACK_SERVER_ALLOW_LOCAL=1.
      projects:
      - name: main
      """;

  private final ServerOptions options;

  ConfigFiles(ServerOptions options) {
    this.options = options;
  }

  ServerConfig load(BackendTypes types) {
    if (options.configDisabled()) {
      return ServerConfig.empty();
    }
    Path file = options.configFile();
    boolean localAllowed = options.loopbackOnly() || options.localBeyondLoopback();
    if (options.role() != Role.WORKER && !Files.exists(file)) {
      writeFirstConfig(file, localAllowed ? FIRST_CONFIG : FIRST_CONFIG_WITHOUT_LOCAL);
    }
    ServerConfig config = ServerConfig.load(file, types);
    for (ServerConfig.Problem problem : config.problems()) {
      log.error("{}; this entry is left out", problem.pretty());
    }
    if (options.role().servesHttp() && !localAllowed) {
      config.projects().stream()
          .filter(project -> project.backends() != null)
          .filter(
              project ->
                  Objects.requireNonNull(project.backends()).stream()
                      .anyMatch(b -> b.type().equals(BackendType.LOCAL.name())))
          .findFirst()
          .ifPresent(
              project -> {
                throw new StartupException(
                    file
                        + " gives project "
                        + project.name()
                        + " the backend `local`, which runs jobs as processes of this machine, and the"
                        + " server would listen on "
                        + options.host()
                        + ", where others can reach it. Listen on 127.0.0.1, take the backend out, or"
                        + " set DSTACK_SERVER_ALLOW_LOCAL=1 if that is what you want.");
              });
    }
    return config;
  }

  private static void writeFirstConfig(Path file, String text) {
    try {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(file, text);
    } catch (java.nio.file.FileAlreadyExistsException e) {
      // Another process of this directory was quicker.
    } catch (IOException e) {
      throw new StartupException(file + " can't be written: " + e.getMessage());
    }
  }

  /** With the keys of the file, or else one of the server's own. */
  Encryption encryption(ServerConfig config) {
    // With a key left out, values would be kept with another one, or in clear.
    List<String> wrong =
        config.problems().stream()
            .filter(problem -> problem.field().startsWith("encryption"))
            .map(ServerConfig.Problem::pretty)
            .toList();
    if (!wrong.isEmpty() || (config.keys() != null && config.keys().isEmpty())) {
      throw new StartupException(
          wrong.isEmpty()
              ? options.configFile()
                  + ": encryption.keys is empty; take `encryption` out or name a key."
              : "The encryption keys can't be used as they are written. "
                  + String.join("; ", wrong));
    }
    return Encryption.of(
        config.keys() != null
            ? config.keys()
            : List.of(KeyFile.loadOrCreate(options.serverDir().resolve("encryption.key"))));
  }
}
