package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Literal;
import java.util.Set;
import org.jspecify.annotations.Nullable;

@Literal(property = "metric", value = "rps", required = true)
public record ScalingSpec(
    double target,
    @Nullable Seconds window,
    @Default("300") Seconds scaleUpDelay,
    @Default("600") Seconds scaleDownDelay) {
  private static final Set<Long> WINDOWS = Set.of(30L, 60L, 300L);

  public ScalingSpec {
    Checks.holds(target > 0, "target", "it is a number above 0");
    boolean known = window == null || WINDOWS.contains(window.value());
    Checks.holds(known, "window", "it is 30s, 60s or 300s");
  }
}
