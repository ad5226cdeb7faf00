package dev.dstack.api.metrics;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whether there is a page for Prometheus.
 *
 * @param token what a scraper must show; absent: nothing
 */
public record PrometheusSettings(boolean enabled, @Nullable String token) {
  public static final PrometheusSettings OFF = new PrometheusSettings(false, null);

  /** From the environment of the server. */
  public static PrometheusSettings of(Map<String, String> env) {
    String enabled = env.getOrDefault("DSTACK_ENABLE_PROMETHEUS_METRICS", "").strip();
    String token = env.getOrDefault("DSTACK_PROMETHEUS_AUTH_TOKEN", "").strip();
    return new PrometheusSettings(
        !enabled.isEmpty() && !enabled.equals("0") && !enabled.equalsIgnoreCase("false"),
        token.isEmpty() ? null : token);
  }

  @Override
  public String toString() {
    return "PrometheusSettings[enabled="
        + enabled
        + ", token="
        + (token == null ? "none" : "***")
        + "]";
  }
}
