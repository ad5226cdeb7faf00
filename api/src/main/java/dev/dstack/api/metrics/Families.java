package dev.dstack.api.metrics;

import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Families of samples, in the order in which they were named first. */
final class Families {
  private final Map<String, Family> families = new LinkedHashMap<>();

  private record Family(Collector.Type type, String help, List<Sample> samples) {}

  /**
   * @param name with the suffix that its type wants, as it stands on the page
   */
  void add(
      Collector.Type type, String name, String help, Map<String, String> labels, Number value) {
    sample(type, name, help, name, labels, value);
  }

  /**
   * @param bounds upper ones, without infinity
   * @param counts for each bound, of all values up to it
   */
  void histogram(
      String name,
      String help,
      Map<String, String> labels,
      List<Integer> bounds,
      List<Long> counts,
      long count,
      double sum) {
    for (int i = 0; i < bounds.size(); i++) {
      bucket(name, help, labels, bounds.get(i) + ".0", counts.get(i));
    }
    bucket(name, help, labels, "+Inf", count);
    sample(Collector.Type.HISTOGRAM, name, help, name + "_count", labels, count);
    sample(Collector.Type.HISTOGRAM, name, help, name + "_sum", labels, sum);
  }

  private void bucket(
      String name, String help, Map<String, String> labels, String bound, long count) {
    Map<String, String> all = new LinkedHashMap<>(labels);
    all.put("le", bound);
    sample(Collector.Type.HISTOGRAM, name, help, name + "_bucket", all, count);
  }

  private void sample(
      Collector.Type type,
      String name,
      String help,
      String sample,
      Map<String, String> labels,
      Number value) {
    families
        .computeIfAbsent(name, _ -> new Family(type, help, new ArrayList<>()))
        .samples()
        .add(
            new Sample(
                sample,
                List.copyOf(labels.keySet()),
                List.copyOf(labels.values()),
                value.doubleValue()));
  }

  List<MetricFamilySamples> all() {
    return families.entrySet().stream()
        .map(
            entry ->
                new MetricFamilySamples(
                    entry.getKey(),
                    entry.getValue().type(),
                    entry.getValue().help(),
                    entry.getValue().samples()))
        .toList();
  }
}
