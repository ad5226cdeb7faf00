package dev.dstack.activities.worker;

import com.uber.m3.tally.Buckets;
import com.uber.m3.tally.Capabilities;
import com.uber.m3.tally.CapableOf;
import com.uber.m3.tally.RootScopeBuilder;
import com.uber.m3.tally.Scope;
import com.uber.m3.tally.StatsReporter;
import com.uber.m3.util.Duration;
import io.prometheus.client.Collector;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;
import io.prometheus.client.Histogram;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The Temporal SDK's own metrics, on the page where ours are. */
public final class TemporalMetrics implements StatsReporter {
  private static final Logger LOG = LoggerFactory.getLogger(TemporalMetrics.class);
  private static final double[] SECONDS = {
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300
  };

  private final CollectorRegistry registry;
  private final Map<String, Collector> collectors = new ConcurrentHashMap<>();

  private TemporalMetrics(CollectorRegistry registry) {
    this.registry = registry;
  }

  /** For {@code WorkflowServiceStubsOptions.setMetricsScope}. */
  public static Scope scope(CollectorRegistry registry) {
    return new RootScopeBuilder()
        .reporter(new TemporalMetrics(registry))
        .reportEvery(Duration.ofSeconds(10));
  }

  @Override
  public void reportCounter(String name, Map<String, String> tags, long value) {
    Map<String, String> sorted = sorted(tags);
    Counter counter =
        collector(
            Counter.class,
            name.endsWith("_total") ? name : name + "_total",
            sorted,
            key -> Counter.build(key, help(name)).labelNames(labels(sorted)).create());
    if (counter != null) {
      counter.labels(values(sorted)).inc((double) value);
    }
  }

  @Override
  public void reportGauge(String name, Map<String, String> tags, double value) {
    Map<String, String> sorted = sorted(tags);
    Gauge gauge =
        collector(
            Gauge.class,
            name,
            sorted,
            key -> Gauge.build(key, help(name)).labelNames(labels(sorted)).create());
    if (gauge != null) {
      gauge.labels(values(sorted)).set(value);
    }
  }

  @Override
  public void reportTimer(String name, Map<String, String> tags, Duration interval) {
    observe(name, tags, interval.getSeconds(), 1);
  }

  @Override
  @Deprecated
  @SuppressWarnings({"deprecation", "rawtypes"})
  public void reportHistogramValueSamples(
      String name,
      Map<String, String> tags,
      Buckets buckets,
      double lower,
      double upper,
      long samples) {
    observe(name, tags, lower, samples);
  }

  @Override
  @Deprecated
  @SuppressWarnings({"deprecation", "rawtypes"})
  public void reportHistogramDurationSamples(
      String name,
      Map<String, String> tags,
      Buckets buckets,
      Duration lower,
      Duration upper,
      long samples) {
    observe(name, tags, lower.getSeconds(), samples);
  }

  private void observe(String name, Map<String, String> tags, double value, long samples) {
    Map<String, String> sorted = sorted(tags);
    Histogram histogram =
        collector(
            Histogram.class,
            name + "_seconds",
            sorted,
            key ->
                Histogram.build(key, help(name))
                    .labelNames(labels(sorted))
                    .buckets(SECONDS)
                    .create());
    if (histogram != null) {
      for (long i = 0; i < samples; i++) {
        histogram.labels(values(sorted)).observe(value);
      }
    }
  }

  /** One name may come with several sets of tags; the page wants one set for each name. */
  private <C extends Collector> @Nullable C collector(
      Class<C> type, String name, Map<String, String> tags, Function<String, C> make) {
    String clean = Collector.sanitizeMetricName(name);
    Collector known =
        collectors.computeIfAbsent(
            clean + tags.keySet(),
            _ -> {
              C made = make.apply(clean);
              try {
                registry.register(made);
              } catch (IllegalArgumentException e) {
                LOG.debug(
                    "metric {} with tags {} is not shown: {}",
                    clean,
                    tags.keySet(),
                    e.getMessage());
              }
              return made;
            });
    return type.isInstance(known) ? type.cast(known) : null;
  }

  private static Map<String, String> sorted(@Nullable Map<String, String> tags) {
    Map<String, String> sorted = new TreeMap<>();
    if (tags != null) {
      tags.forEach((key, value) -> sorted.put(Collector.sanitizeMetricName(key), value));
    }
    return sorted;
  }

  private static String[] labels(Map<String, String> tags) {
    return tags.keySet().toArray(String[]::new);
  }

  private static String[] values(Map<String, String> tags) {
    return tags.values().toArray(String[]::new);
  }

  private static String help(String name) {
    return "Temporal SDK: " + name.replace('_', ' ');
  }

  @Override
  public Capabilities capabilities() {
    return CapableOf.REPORTING_TAGGING;
  }

  @Override
  public void flush() {
    // Values are there as soon as they are reported.
  }

  @Override
  public void close() {
    collectors.values().forEach(registry::unregister);
  }
}
