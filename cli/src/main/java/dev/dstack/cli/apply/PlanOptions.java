package dev.dstack.cli.apply;

import dev.dstack.cli.Cli;
import dev.dstack.cli.CliException;
import dev.dstack.cli.config.Profiles;
import dev.dstack.cli.spec.Args;
import dev.dstack.cli.spec.Spec;
import dev.dstack.cli.term.Times;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The options of {@code apply} and {@code offer} that override the configuration, which overrides
 * the profile.
 */
public final class PlanOptions {
  private PlanOptions() {}

  public static Spec addTo(Spec spec) {
    return spec.group("Resources")
        .text("SPEC", "CPUs, as ARCH:COUNT; x86:4, 2..8", "--cpu")
        .text("SPEC", "GPUs, as NAME:MEMORY:COUNT; A100:80GB:1..2", "--gpu")
        .text("RANGE", "Memory; 16GB.., 128GB..256GB", "--memory")
        .text("RANGE", "Disk; 100GB..", "--disk")
        .group("Profile")
        .text("NAME", "The profile of profiles.yml; $DSTACK_PROFILE otherwise", "--profile")
        .flag("Use no profile; $DSTACK_NO_PROFILE does the same", "--no-profile")
        .text("PRICE", "The most an instance may cost, in dollars an hour", "--max-price")
        .text("DURATION", "How long the run may take; 2h, 1d, off", "--max-duration")
        .texts("NAME", "Consider this backend; repeatable", "-b", "--backend")
        .texts("NAME", "Consider this region; repeatable", "-r", "--region")
        .texts("NAME", "Consider this instance type; repeatable", "--instance-type")
        .group("Fleets")
        .texts("NAME", "Consider this fleet; repeatable", "--fleet")
        .flag("Only instances that exist, no new ones", "-R", "--reuse")
        .flag("Keep a new instance when the run has ended", "--dont-destroy")
        .text("DURATION", "How long a new instance may idle afterwards", "--idle-duration")
        .group("Spot policy")
        .flag("Only spot instances", "--spot")
        .flag("Only on-demand instances", "--on-demand")
        .flag("Both", "--spot-auto")
        .oneOf(List.of("spot", "on-demand", "auto"), "The same in one option", "--spot-policy")
        .group("Retry policy")
        .flag("Try again when there is no capacity, an interruption or an error", "--retry")
        .flag("Don't", "--no-retry")
        .text("DURATION", "Try again for so long", "--retry-duration")
        .onlyOne("--profile", "--no-profile")
        .onlyOne("--reuse", "--dont-destroy", "--idle-duration")
        .onlyOne("--spot", "--on-demand", "--spot-auto", "--spot-policy")
        .onlyOne("--retry", "--no-retry", "--retry-duration");
  }

  public static Map<String, @Nullable Object> profile(Args args, Cli cli) {
    return Profiles.choose(
        args.has("--no-profile"), args.text("--profile"), cli.env(), cli.cwd(), cli.dstackHome());
  }

  /** Puts what was given into the configuration. */
  public static void override(Map<String, @Nullable Object> configuration, Args args) {
    resources(configuration, args);
    lists(configuration, args);
    String price = args.text("--max-price");
    if (price != null) {
      configuration.put("max_price", price(price));
    }
    String maxDuration = args.text("--max-duration");
    if (maxDuration != null) {
      configuration.put("max_duration", duration("--max-duration", maxDuration, "off"));
    }
    String idleDuration = args.text("--idle-duration");
    if (idleDuration != null) {
      configuration.put("idle_duration", duration("--idle-duration", idleDuration, "-1"));
    }
    if (args.has("--dont-destroy")) {
      configuration.put("idle_duration", -1);
    }
    if (args.has("--reuse")) {
      configuration.put("creation_policy", "reuse");
    }
    String spot =
        args.has("--spot")
            ? "spot"
            : args.has("--on-demand")
                ? "on-demand"
                : args.has("--spot-auto") ? "auto" : args.text("--spot-policy");
    if (spot != null) {
      configuration.put("spot_policy", spot);
    }
    if (args.has("--retry") || args.has("--no-retry")) {
      configuration.put("retry", args.has("--retry"));
    }
    String retryDuration = args.text("--retry-duration");
    if (retryDuration != null) {
      Map<String, @Nullable Object> retry = new LinkedHashMap<>();
      retry.put("duration", duration("--retry-duration", retryDuration, ""));
      configuration.put("retry", retry);
    }
  }

  private static void resources(Map<String, @Nullable Object> configuration, Args args) {
    for (String field : List.of("cpu", "gpu", "memory", "disk")) {
      String given = args.text("--" + field);
      if (given == null) {
        continue;
      }
      Map<String, @Nullable Object> resources = new LinkedHashMap<>();
      if (configuration.get("resources") instanceof Map<?, ?> present) {
        present.forEach((name, value) -> resources.put(String.valueOf(name), value));
      }
      resources.put(field, given);
      configuration.put("resources", resources);
    }
  }

  private static void lists(Map<String, @Nullable Object> configuration, Args args) {
    Map<String, String> fields =
        Map.of(
            "--backend", "backends",
            "--region", "regions",
            "--instance-type", "instance_types",
            "--fleet", "fleets");
    fields.forEach(
        (option, field) -> {
          List<String> given = args.texts(option);
          if (!given.isEmpty()) {
            configuration.put(field, given);
          }
        });
  }

  private static BigDecimal price(String given) {
    try {
      BigDecimal price = new BigDecimal(given);
      if (price.signum() > 0) {
        return price;
      }
    } catch (NumberFormatException e) {
      // told below
    }
    throw CliException.usage("--max-price is `" + given + "`; expected dollars, such as 1.5");
  }

  /**
   * @param never how "no limit" is sent, empty where there must be one
   */
  private static Object duration(String option, String given, String never) {
    if (given.equals("off") && !never.isEmpty()) {
      return never.equals("-1") ? (Object) Integer.valueOf(-1) : never;
    }
    Long seconds = Times.seconds(given);
    if (seconds == null) {
      throw CliException.usage(
          option
              + " is `"
              + given
              + "`; expected a duration such as 90s, 30m, 2h, 1d"
              + (never.isEmpty() ? "" : " or off"));
    }
    return seconds;
  }
}
