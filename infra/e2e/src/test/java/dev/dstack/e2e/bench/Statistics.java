package dev.dstack.e2e.bench;

import java.util.List;

/** Of a few measured numbers. */
record Statistics(List<Double> sorted) {
  static Statistics of(List<Double> values) {
    return new Statistics(values.stream().sorted().toList());
  }

  double median() {
    return quantile(0.5);
  }

  double quantile(double part) {
    if (sorted.isEmpty()) {
      return Double.NaN;
    }
    return sorted.get((int) Math.min(sorted.size() - 1, Math.round(part * (sorted.size() - 1))));
  }

  double least() {
    return quantile(0);
  }

  double most() {
    return quantile(1);
  }

  /** {@code 0.5 s (0.4–0.7)}. */
  String shown(int digits, String unit) {
    return Table.number(median(), digits)
        + " "
        + unit
        + " ("
        + Table.number(least(), digits)
        + "–"
        + Table.number(most(), digits)
        + ")";
  }
}
