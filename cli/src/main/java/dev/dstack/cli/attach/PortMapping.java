package dev.dstack.cli.attach;

import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A port of the job and the local one that stands for it.
 *
 * @param local null: the job's own number, or the next one that is free
 */
public record PortMapping(int container, @Nullable Integer local) {
  private static final Pattern FORM = Pattern.compile("(?:([0-9]{1,5}|\\*):)?([0-9]{1,5})");
  private static final int LAST = 65_535;

  /**
   * {@code 8000} is 8000 on both sides, {@code 80:8000} is 80 here, {@code *:8000} any here.
   *
   * @return null when it is none of these
   */
  public static @Nullable PortMapping parse(String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      return null;
    }
    int container = Integer.parseInt(form.group(2));
    String here = form.group(1);
    Integer local =
        here == null ? (Integer) container : here.equals("*") ? null : (Integer) parsed(here);
    boolean fits = isPort(container) && (local == null || isPort(local));
    return fits ? new PortMapping(container, local) : null;
  }

  /** An item of {@code ports} of a configuration; null when it is none. */
  public static @Nullable PortMapping of(Doc item) {
    if (!item.isObject()) {
      String text = item.text();
      return text == null ? null : parse(text);
    }
    long container = item.get("container_port").integer(0);
    Doc local = item.get("local_port");
    boolean fits =
        isPort(container)
            && (local.isNull() || isPort(local.integer(0)))
            && item.fields().size() <= 2;
    return fits
        ? new PortMapping((int) container, local.isNull() ? null : (Integer) (int) local.integer(0))
        : null;
  }

  /** The values of {@code -p}. */
  public static List<PortMapping> options(List<String> given) {
    List<PortMapping> mappings = new ArrayList<>();
    for (String text : given) {
      PortMapping mapping = parse(text);
      if (mapping == null) {
        throw CliException.usage(
            "-p is `" + text + "`; expected PORT, LOCAL:PORT or *:PORT, each from 1 to 65535");
      }
      mappings.add(mapping);
    }
    requireDistinct(mappings);
    return mappings;
  }

  /** What is configured, with what the command line says instead or in addition. */
  public static List<PortMapping> merged(List<PortMapping> file, List<PortMapping> options) {
    Map<Integer, PortMapping> merged = new LinkedHashMap<>();
    file.forEach(mapping -> merged.put(mapping.container(), mapping));
    options.forEach(mapping -> merged.put(mapping.container(), mapping));
    requireDistinct(merged.values());
    return List.copyOf(merged.values());
  }

  private static void requireDistinct(Iterable<PortMapping> mappings) {
    Set<Integer> containers = new HashSet<>();
    Set<Integer> locals = new HashSet<>();
    for (PortMapping mapping : mappings) {
      if (!containers.add(mapping.container())) {
        throw CliException.usage("The port " + mapping.container() + " of the run is given twice");
      }
      if (mapping.local() != null && !locals.add(mapping.local())) {
        throw CliException.usage("The local port " + mapping.local() + " is given twice");
      }
    }
  }

  /** As the API has it. */
  public Map<String, @Nullable Object> json() {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("local_port", local);
    json.put("container_port", container);
    return json;
  }

  private static int parsed(String digits) {
    return Integer.parseInt(digits);
  }

  private static boolean isPort(long number) {
    return number >= 1 && number <= LAST;
  }
}
