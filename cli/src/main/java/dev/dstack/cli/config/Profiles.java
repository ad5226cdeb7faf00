package dev.dstack.cli.config;

import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.Yaml;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code profiles.yml}: that of the working directory's {@code .dstack}, then the one beside
 * config.yml. Asked for in this order: {@code --no-profile}, {@code --profile}, DSTACK_NO_PROFILE,
 * DSTACK_PROFILE, the default of a file.
 */
public final class Profiles {
  private Profiles() {}

  public static Map<String, @Nullable Object> choose(
      boolean none, @Nullable String named, Map<String, String> env, Path cwd, Path dstackHome) {
    if (none || (named == null && truth(env.get("DSTACK_NO_PROFILE")))) {
      return Map.of("name", "no-profile");
    }
    String fromEnv = env.get("DSTACK_PROFILE");
    String name = named != null ? named : fromEnv == null || fromEnv.isBlank() ? null : fromEnv;
    for (Path directory : List.of(cwd.resolve(".dstack"), dstackHome)) {
      for (String fileName : List.of("profiles.yml", "profiles.yaml")) {
        Map<String, @Nullable Object> found = find(directory.resolve(fileName), name);
        if (found != null) {
          return found;
        }
      }
    }
    if (name != null) {
      throw CliException.failure(
          "There is no profile `"
              + name
              + "` in "
              + cwd.resolve(".dstack/profiles.yml")
              + " nor in "
              + dstackHome.resolve("profiles.yml")
              + ".");
    }
    return Map.of("name", "default");
  }

  private static @Nullable Map<String, @Nullable Object> find(Path file, @Nullable String name) {
    if (!Files.isRegularFile(file)) {
      return null;
    }
    Doc root;
    try {
      root = Yaml.parse(file.toString(), Files.readString(file)).root();
    } catch (IOException e) {
      throw CliException.failure("Can't read " + file + ": " + e.getMessage(), e);
    }
    if (!root.get("profiles").isList()) {
      throw CliException.failure(file + ": expected a list `profiles`");
    }
    for (Doc profile : root.get("profiles").items()) {
      boolean wanted =
          name == null ? profile.get("default").truth() : name.equals(profile.get("name").text());
      if (wanted) {
        Map<String, @Nullable Object> copy = new LinkedHashMap<>();
        profile.fields().forEach((field, value) -> copy.put(field, value.value()));
        return copy;
      }
    }
    return null;
  }

  private static boolean truth(@Nullable String value) {
    return value != null
        && switch (value.strip().toLowerCase(Locale.ROOT)) {
          case "", "0", "false", "no", "off", "n", "f" -> false;
          default -> true;
        };
  }
}
