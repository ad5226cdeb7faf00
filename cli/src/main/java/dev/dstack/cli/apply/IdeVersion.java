package dev.dstack.cli.apply;

import dev.dstack.cli.Programs;
import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/**
 * The version of the IDE on this machine, to which the server part that a dev environment gets
 * before it is opened must fit.
 */
final class IdeVersion {
  private static final int PARENTS = 6;

  private IdeVersion() {}

  /** Null where the IDE is not found, or needs no server part. */
  static @Nullable String find(String ide, Map<String, String> env) {
    return switch (ide) {
      case "vscode" -> asked("code", env);
      case "cursor" -> asked("cursor", env);
      case "windsurf" -> installed(env);
      default -> null;
    };
  }

  /** The second line of what {@code --version} prints: the commit. */
  private static @Nullable String asked(String program, Map<String, String> env) {
    Path found = Programs.find(program, env);
    if (found == null) {
      return null;
    }
    try {
      Process process =
          new ProcessBuilder(found.toString(), "--version")
              .redirectInput(Redirect.from(new File("/dev/null")))
              .redirectError(Redirect.DISCARD)
              .start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        return null;
      }
      return process.exitValue() == 0 ? commit(said) : null;
    } catch (IOException e) {
      return null;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    }
  }

  static @Nullable String commit(String said) {
    List<String> lines = said.lines().map(String::strip).toList();
    return lines.size() > 1 && !lines.get(1).isEmpty() ? lines.get(1) : null;
  }

  /** {@code VERSION@COMMIT} from the files beside the program. */
  private static @Nullable String installed(Map<String, String> env) {
    Path found = Programs.find("windsurf", env);
    try {
      Path directory = found == null ? null : found.toRealPath().getParent();
      for (int i = 0; i < PARENTS && directory != null; i++) {
        for (String resources : List.of("resources", "Resources")) {
          Path product = directory.resolve(resources).resolve("app/product.json");
          if (Files.isRegularFile(product)) {
            Doc json = JsonText.read(Files.readAllBytes(product));
            String version = json.get("windsurfVersion").text();
            String commit = json.get("commit").text();
            if (version != null && commit != null) {
              return version + "@" + commit;
            }
          }
        }
        directory = directory.getParent();
      }
    } catch (IOException | JacksonException e) {
      return null; // an installation that we don't understand
    }
    return null;
  }
}
