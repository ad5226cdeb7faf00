package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import java.util.regex.Pattern;

public record RateLimit(
    @Default("'/'") String prefix,
    @Default("{'type': 'ip_address'}") PartitioningKey key,
    double rps,
    @Default("0") long burst) {
  // What the reverse proxy takes as a path, and nothing that could end its directive.
  private static final Pattern PREFIX = Pattern.compile("/[^\\s\\\\{}]*");
  private static final double RPS_MAX = Long.MAX_VALUE / 60.0;

  public RateLimit {
    Checks.length("prefix", prefix, 0, 4094);
    Checks.matches("prefix", prefix, PREFIX);
    Checks.holds(rps >= 1 / 60.0 && rps <= RPS_MAX, "rps", "it is at least one request a minute");
    Checks.holds(burst >= 0, "burst", "it is not negative");
  }
}
