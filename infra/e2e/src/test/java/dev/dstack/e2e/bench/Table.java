package dev.dstack.e2e.bench;

import dev.dstack.e2e.harness.Api;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What was measured, printed as it comes and written at the end. */
final class Table {
  private record Row(String key, String what, String aim, String ours, String upstream) {}

  private final List<Row> rows = new ArrayList<>();
  private final Map<String, Object> numbers = new LinkedHashMap<>();

  /** Numbers for other programs; units stand in the names. */
  void number(String key, Object value) {
    numbers.put(key, value);
  }

  void row(String key, String what, String aim, String ours, String upstream) {
    rows.add(new Row(key, what, aim, ours, upstream));
    System.out.println(
        "  " + what + ": " + ours + (upstream.isEmpty() ? "" : "; upstream " + upstream));
  }

  void failed(String key, String what, Throwable problem) {
    row(key, what, "", "FAILED: " + problem.toString().lines().findFirst().orElse(""), "");
    numbers.put(key + "_failed", String.valueOf(problem.getMessage()));
  }

  boolean hasFailures() {
    return rows.stream().anyMatch(row -> row.ours().startsWith("FAILED"));
  }

  String text() {
    StringBuilder text =
        new StringBuilder("| what | aim | measured | upstream 0.22.5 here |\n|---|---|---|---|\n");
    for (Row row : rows) {
      text.append("| ").append(row.what()).append(" | ").append(row.aim());
      text.append(" | ").append(row.ours()).append(" | ").append(row.upstream()).append(" |\n");
    }
    return text.toString();
  }

  void write(Path file) throws IOException {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("at", Instant.now().toString());
    all.put("cores", Runtime.getRuntime().availableProcessors());
    all.put("numbers", numbers);
    List<Map<String, String>> shown = new ArrayList<>();
    for (Row row : rows) {
      Map<String, String> entry = new LinkedHashMap<>();
      entry.put("key", row.key());
      entry.put("what", row.what());
      entry.put("aim", row.aim());
      entry.put("measured", row.ours());
      entry.put("upstream", row.upstream());
      shown.add(entry);
    }
    all.put("rows", shown);
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.writeString(
        file, Api.JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
  }

  static String number(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }
}
