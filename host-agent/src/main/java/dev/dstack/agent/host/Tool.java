package dev.dstack.agent.host;

import dev.dstack.model.json.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/** Programs of vendors that say how their devices are. They may be missing, and they may hang. */
final class Tool {
  private static final int MOST_BYTES = 4 << 20;

  /** Where vendors put them that is on no daemon's PATH. */
  private static final List<String> USUAL_PLACES =
      List.of("/usr/local/bin", "/opt/rocm/bin", "/usr/lib/wsl/lib");

  private final List<Path> places;

  Tool(List<Path> places) {
    this.places = List.copyOf(places);
  }

  static Tool ofHost() {
    List<Path> places = new ArrayList<>();
    String path = System.getenv("PATH");
    for (String place : (path == null ? "/usr/bin:/bin" : path).split(":", -1)) {
      if (place.startsWith("/")) {
        places.add(Path.of(place));
      }
    }
    USUAL_PLACES.forEach(place -> places.add(Path.of(place)));
    return new Tool(places);
  }

  /** Empty: there is no such program, it failed or took too long. */
  Optional<String> output(Duration within, String name, String... arguments) {
    Optional<Path> program =
        places.stream().map(place -> place.resolve(name)).filter(Files::isExecutable).findFirst();
    if (program.isEmpty()) {
      return Optional.empty();
    }
    List<String> command = new ArrayList<>();
    command.add(program.get().toString());
    command.addAll(List.of(arguments));
    return run(within, command);
  }

  private static Optional<String> run(Duration within, List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      process.getOutputStream().close();
      // A driver that hangs must not hang the agent: reading ends when the tool is killed.
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  if (!process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS)) {
                    process.destroyForcibly();
                  }
                } catch (InterruptedException e) {
                  process.destroyForcibly();
                }
              });
      String text =
          new String(process.getInputStream().readNBytes(MOST_BYTES), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? Optional.of(text) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** The document in what a tool printed, which may begin with a warning; missing: none. */
  static JsonNode json(String output) {
    int line = 0;
    while (line >= 0 && line < output.length()) {
      char first = output.charAt(line);
      if (first == '{' || first == '[') {
        try {
          return Json.lenient().readTree(output.substring(line));
        } catch (JacksonException e) {
          // Such as a warning that begins with a bracket; the document may still come.
        }
      }
      int end = output.indexOf('\n', line);
      line = end < 0 ? -1 : end + 1;
    }
    return MissingNode.getInstance();
  }
}
