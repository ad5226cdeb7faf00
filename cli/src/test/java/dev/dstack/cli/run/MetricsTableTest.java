package dev.dstack.cli.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.run.MetricsTable.JobMetrics;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MetricsTableTest {
  private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");

  /** The newest first, as the API has it: one each 10 seconds. */
  private static Map<String, Object> metric(String name, int count, IntToDoubleFunction value) {
    List<Object> times = new ArrayList<>();
    List<Object> values = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      times.add(NOW.minusSeconds(10L * i).toString());
      values.add(value.applyAsDouble(i));
    }
    return Map.of("name", name, "timestamps", times, "values", values);
  }

  private static JobMetrics job(int replica, List<Object> metrics) {
    Map<String, Object> resources =
        Map.of(
            "cpus",
            2L,
            "memory_mib",
            8192L,
            "gpus",
            List.of(Map.of("name", "T4", "memory_mib", 15360L)));
    return new JobMetrics(
        Doc.of(
            Map.of(
                "job_spec",
                Map.of("replica_num", (long) replica, "job_num", 0L),
                "job_submissions",
                List.of(
                    Map.of(
                        "job_provisioning_data",
                        Map.of("instance_type", Map.of("resources", resources)))))),
        Doc.of(Map.of("metrics", metrics)));
  }

  private static List<Object> usual() {
    return List.of(
        metric("cpu_usage_percent", 180, i -> i < 18 ? 200 : 0),
        metric("memory_working_set_bytes", 180, i -> 2e9),
        metric("gpus_detected_num", 180, i -> 1),
        metric("gpu_util_percent_gpu0", 180, i -> 50),
        metric("gpu_memory_usage_bytes_gpu0", 180, i -> 15.9e9));
  }

  @Test
  void drawsTheHourWithTheNewestAtTheRight() {
    List<String> lines = MetricsTable.of(List.of(job(0, usual())), 96, NOW).lines(96, false);

    assertThat(lines).hasSize(4);
    // Half an hour of nothing to measure, half an hour of which the last tenth was busy.
    assertThat(lines.get(1)).matches(" 0 +cpu +  {10,}▁{10,}▇{2,3} 100% .*2GB/8GB *");
    assertThat(lines.get(2)).contains("gpu 0", "▄ 50%", "▇ 15GB/15GB");
    assertThat(lines.get(3)).contains("┄ now");
  }

  @ParameterizedTest
  @ValueSource(ints = {60, 80, 160})
  void fitsTheTerminal(int width) {
    List<JobMetrics> jobs = List.of(job(0, usual()), job(1, List.of()));

    List<String> lines = MetricsTable.of(jobs, width, NOW).lines(width, false);

    assertThat(lines).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(width));
    assertThat(String.join("\n", lines)).contains("0/0", "1/0", "no data");
  }

  @Test
  void aJobThatIsOverSaysWhenItWas() {
    List<String> lines =
        MetricsTable.of(List.of(job(0, usual())), 120, NOW.plusSeconds(7200)).lines(120, false);

    assertThat(lines.getLast())
        .doesNotContain("now")
        .containsPattern("\\d\\d:\\d\\d ┄+ \\d\\d:\\d\\d");
  }
}
