package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Command;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** How old a line is when the CLI shows it: the job prints the time at which it prints. */
final class LogDelay implements Measurement {
  private static final int LINES = 40;

  private final String key;
  private final boolean inContainer;

  LogDelay(String key, boolean inContainer) {
    this.key = key;
    this.inContainer = inContainer;
  }

  @Override
  public String key() {
    return key;
  }

  @Override
  public String what() {
    return "line printed " + (inContainer ? "in a container " : "") + "→ seen in the CLI";
  }

  @Override
  public Stand stand() {
    return Stand.LOCAL;
  }

  @Override
  public void measure(Scene scene) throws IOException, InterruptedException {
    String date = inContainer ? "/usr/bin/date" : "date";
    String image = inContainer ? "image: " + scene.image() + "\n" : "";
    String sleep = inContainer ? "/bin/busybox usleep 150000" : "sleep 0.15";
    Files.writeString(
        scene.server().cli().directory().resolve(key + ".dstack.yml"),
        """
        type: task
        name: %s-ticks
        %scommands:
        - sleep 2; for i in $(seq 1 %d); do echo "tick $(%s +%%s%%N)"; %s; done
        resources:
          cpu: 1..
          memory: 100MB..
          disk: 100MB..
        """
            .formatted(key, image, LINES, date, sleep));
    Statistics delays = Statistics.of(delays(scene.cli("apply", "-f", key + ".dstack.yml", "-y")));
    if (delays.sorted().size() != LINES) {
      throw new AssertionError(delays.sorted().size() + " of " + LINES + " lines were seen");
    }
    scene.table().number(key + "_ms", delays.sorted());
    scene
        .table()
        .row(
            key,
            what(),
            "≤ 0.3 s",
            Table.number(delays.median(), 0)
                + " ms (90 %: "
                + Table.number(delays.quantile(0.9), 0)
                + ", most: "
                + Table.number(delays.most(), 0)
                + ")",
            "");
  }

  private static List<Double> delays(Command command) throws IOException, InterruptedException {
    Process process = command.builder().redirectErrorStream(true).start();
    process.getOutputStream().close();
    List<Double> delays = new ArrayList<>();
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      String line;
      while ((line = reader.readLine()) != null) {
        Instant now = Instant.now();
        int at = line.indexOf("tick 1");
        if (at >= 0) {
          long nanos = Long.parseLong(line.substring(at + 5).strip().replaceAll("[^0-9].*", ""));
          delays.add((now.getEpochSecond() * 1e9 + now.getNano() - nanos) / 1e6);
        }
      }
    }
    process.waitFor();
    return delays;
  }
}
