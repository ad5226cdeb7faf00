package dev.dstack.cli.config;

import dev.dstack.cli.CliException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The project a command speaks about. {@code --project} names one of config.yml; without it the
 * three variables DSTACK_SERVER_URL, DSTACK_PROJECT and DSTACK_TOKEN count together; then
 * DSTACK_PROJECT alone is a name in config.yml; then that file's default is taken.
 */
public final class Connection {
  private Connection() {}

  public static ProjectEntry choose(
      @Nullable String option, Map<String, String> env, Path configFile) {
    String url = set(env, "DSTACK_SERVER_URL");
    String token = set(env, "DSTACK_TOKEN");
    String named = set(env, "DSTACK_PROJECT");
    if (url != null && token != null && named != null && (option == null || option.equals(named))) {
      return new ProjectEntry(named, url, token, false);
    }
    ClientConfig config = ClientConfig.load(configFile);
    String wanted = option == null ? named : option;
    if (wanted != null) {
      return config
          .project(wanted)
          .orElseThrow(
              () ->
                  CliException.failure(
                      "The project `" + wanted + "` is not in " + configFile + known(config)));
    }
    Optional<ProjectEntry> chosen = config.defaultProject();
    return chosen.orElseThrow(
        () ->
            CliException.failure(
                config.projects().isEmpty()
                    ? "No project is configured in "
                        + configFile
                        + ".\nStart a server with `dstack server`, or add a project of another one:"
                        + " `dstack project add --name NAME --url URL --token TOKEN`."
                    : "No project is the default in "
                        + configFile
                        + ".\nChoose one with `dstack project set-default NAME`, or pass --project NAME."));
  }

  private static String known(ClientConfig config) {
    return config.projects().isEmpty()
        ? ".\nAdd it with `dstack project add --name NAME --url URL --token TOKEN`."
        : ".\nThere are: "
            + String.join(", ", config.projects().stream().map(ProjectEntry::name).toList())
            + ".";
  }

  private static @Nullable String set(Map<String, String> env, String name) {
    String value = env.get(name);
    return value == null || value.isBlank() ? null : value;
  }
}
