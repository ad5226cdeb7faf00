package dev.dstack.api.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.db.metrics.JobSample;
import dev.dstack.model.ids.JobId;
import dev.dstack.model.resources.CpuArch;
import dev.dstack.model.resources.Gpu;
import dev.dstack.model.resources.GpuVendor;
import dev.dstack.model.resources.Resources;
import dev.dstack.model.wire.metric.JobMetrics;
import dev.dstack.model.wire.metric.Metric;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class MetricsShapesTest {
  private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");
  private static final JobId JOB = new JobId(UUID.randomUUID());

  @Test
  void aSeriesForEachKindOfValue() {
    Resources has =
        new Resources(
            CpuArch.X86, 8, 1024, 0, List.of(new Gpu(GpuVendor.NVIDIA, "H100", 80 * 1024)), false);
    JobMetrics metrics =
        JobMetricsView.of(
            List.of(sample(20, 25_000_000, 1), sample(10, 10_000_000, 1), sample(0, 0, 1)), has);
    assertThat(metrics.metrics())
        .extracting(Metric::name)
        .containsExactly(
            "cpu_usage_percent",
            "memory_usage_bytes",
            "memory_working_set_bytes",
            "cpus_detected_num",
            "memory_total_bytes",
            "gpus_detected_num",
            "gpu_memory_total_bytes",
            "gpu_memory_usage_bytes_gpu0",
            "gpu_util_percent_gpu0");
    assertThat(metrics.metrics().getFirst().values()).containsExactly(150L, 100L);
    assertThat(metrics.metrics().getFirst().timestamps())
        .containsExactly(NOW.plusSeconds(20), NOW.plusSeconds(10));
    assertThat(metrics.metrics().get(3).values()).containsExactly(8L, 8L);
  }

  @Test
  void oneSampleIsTooFewAndAChangingNumberOfAcceleratorsIsNoSeries() {
    assertThat(JobMetricsView.of(List.of(sample(0, 0, 1)), null).metrics()).isEmpty();
    assertThat(
            JobMetricsView.of(List.of(sample(20, 2, 2), sample(10, 1, 1), sample(0, 0, 1)), null)
                .metrics())
        .extracting(Metric::name)
        .containsExactly("cpu_usage_percent", "memory_usage_bytes", "memory_working_set_bytes");
  }

  @Test
  void whatExportersSayIsSortedByFamily() {
    String text =
        """
        # HELP DCGM_A help
        # TYPE DCGM_A counter
        DCGM_A{gpu="0"} 1
        DCGM_A 2 17
        """;
    DcgmText dcgm = new DcgmText();
    dcgm.add(text, Map.of("job", "a\"b"));
    dcgm.add(text + "DCGM_B{} 3\n", Map.of("job", "c"));
    StringBuilder page = new StringBuilder();
    dcgm.writeTo(page);
    assertThat(page.toString())
        .isEqualTo(
            """
            # HELP DCGM_A help
            # TYPE DCGM_A counter
            DCGM_A{job="a\\"b",gpu="0"} 1
            DCGM_A{job="a\\"b"} 2 17
            DCGM_A{job="c",gpu="0"} 1
            DCGM_A{job="c"} 2 17
            DCGM_B{job="c"} 3
            """);
  }

  @Test
  void theSettingsTellNoToken() {
    PrometheusSettings settings =
        PrometheusSettings.of(
            Map.of(
                "DSTACK_ENABLE_PROMETHEUS_METRICS", "1", "DSTACK_PROMETHEUS_AUTH_TOKEN", "secret"));
    assertThat(settings.enabled()).isTrue();
    assertThat(settings.toString()).doesNotContain("secret");
    assertThat(PrometheusSettings.of(Map.of())).isEqualTo(PrometheusSettings.OFF);
  }

  private static JobSample sample(int seconds, long micros, int gpus) {
    return new JobSample(
        JOB,
        NOW.plusSeconds(seconds),
        micros,
        3,
        2,
        java.util.Collections.nCopies(gpus, 7L),
        java.util.Collections.nCopies(gpus, 70));
  }
}
