package dev.dstack.backends.local;

import dev.dstack.model.error.DstackException;
import dev.dstack.model.error.ErrorKind;
import dev.dstack.model.resources.Resources;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The entry of {@code local} in config.yml.
 *
 * <ul>
 *   <li>{@code cpus}: how many are offered instead of what the machine has; more than it has
 *       overcommits it, which suits jobs that mostly wait
 *   <li>{@code memory}, {@code disk}: likewise, such as {@code 16GB}; a plain number is GB
 *   <li>{@code user}: jobs run as this user, which needs a server that runs as root
 *   <li>{@code docker}: the engine that runs containers, instead of the one of DOCKER_HOST or the
 *       usual socket
 *   <li>{@code volumes}: {@code directory} (without it, too) or {@code loop}: files of the asked
 *       size, mounted by an agent that runs as root
 *   <li>{@code registry_mirror}: where images of Docker Hub are asked for first
 * </ul>
 *
 * Nothing of this is enforced on a host process: the amounts only decide how many jobs are placed.
 * What is changed for the agent counts from its next start.
 */
record LocalConfig(
    @Nullable Double cpus,
    @Nullable Long memoryMib,
    @Nullable Long diskMib,
    @Nullable String user,
    @Nullable String docker,
    @Nullable String registryMirror,
    boolean loopVolumes) {
  private static final Set<String> FIELDS =
      Set.of("cpus", "memory", "disk", "user", "docker", "registry_mirror", "volumes");
  private static final Pattern ENGINE = Pattern.compile("(unix:///|tcp://)\\S+");
  private static final Pattern MIRROR = Pattern.compile("[A-Za-z0-9][A-Za-z0-9./:_-]*");
  private static final Pattern AMOUNT =
      Pattern.compile("([0-9]+(?:\\.[0-9]+)?)\\s*(MB|GB|TB)?", Pattern.CASE_INSENSITIVE);
  private static final Pattern USER = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]*");
  private static final double MAX_CPUS = 100_000;

  static LocalConfig parse(Map<String, Object> config) {
    for (String field : config.keySet()) {
      if (!FIELDS.contains(field)) {
        throw invalid(field, "is not a field of this backend; it has " + new TreeSet<>(FIELDS));
      }
    }
    return new LocalConfig(
        cpus(config.get("cpus")),
        amount("memory", config.get("memory")),
        amount("disk", config.get("disk")),
        user(config.get("user")),
        text("docker", config.get("docker"), ENGINE, "the address of an engine, unix:// or tcp://"),
        text("registry_mirror", config.get("registry_mirror"), MIRROR, "host[:port][/path]"),
        "loop"
            .equals(
                text(
                    "volumes",
                    config.get("volumes"),
                    Pattern.compile("directory|loop"),
                    "`directory` or `loop`")));
  }

  /** What is offered of a machine that has this. */
  Resources over(Resources real) {
    return new Resources(
        real.arch(),
        cpus == null ? real.cpus() : cpus,
        memoryMib == null ? real.memoryMib() : memoryMib,
        diskMib == null ? real.diskMib() : diskMib,
        real.gpus(),
        false);
  }

  private static @Nullable Double cpus(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Number number when number.doubleValue() > 0 && number.doubleValue() <= MAX_CPUS ->
          number.doubleValue();
      default -> throw invalid("cpus", "must be a number above 0, is '" + value + "'");
    };
  }

  private static @Nullable Long amount(String field, @Nullable Object value) {
    if (value == null) {
      return null;
    }
    Matcher matcher = AMOUNT.matcher(value.toString().strip());
    if (!matcher.matches() || Double.parseDouble(matcher.group(1)) <= 0) {
      throw invalid(field, "must be an amount such as 16GB, is '" + value + "'");
    }
    String unit = matcher.group(2) == null ? "GB" : matcher.group(2).toUpperCase(Locale.ROOT);
    double mib =
        Double.parseDouble(matcher.group(1))
            * switch (unit) {
              case "MB" -> 1;
              case "TB" -> 1024 * 1024;
              default -> 1024;
            };
    return Math.round(mib);
  }

  private static @Nullable String user(@Nullable Object value) {
    if (value == null) {
      return null;
    }
    if (!USER.matcher(value.toString()).matches()) {
      throw invalid("user", "must be the name or id of a user, is '" + value + "'");
    }
    return value.toString();
  }

  private static @Nullable String text(
      String field, @Nullable Object value, Pattern form, String what) {
    if (value != null && !form.matcher(value.toString()).matches()) {
      throw invalid(field, "must be " + what + ", is '" + value + "'");
    }
    return value == null ? null : value.toString();
  }

  private static DstackException invalid(String field, String problem) {
    return new DstackException(ErrorKind.INVALID_SPEC, "backend local: " + field + " " + problem);
  }
}
