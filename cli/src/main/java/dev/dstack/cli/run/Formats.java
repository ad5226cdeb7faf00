package dev.dstack.cli.run;

import dev.dstack.cli.data.Doc;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Resources, prices and places in the notation of dstack's configurations. */
public final class Formats {
  private Formats() {}

  /** What an instance has: {@code cpu=x86:2 mem=23.5GB disk=65.7GB gpu=A100:80GB:1}. */
  public static String resources(Doc resources) {
    List<String> parts = new ArrayList<>();
    if (resources.get("cpus").integer(0) > 0) {
      String arch = resources.get("cpu_arch").text();
      parts.add("cpu=" + (arch == null ? "" : arch + ":") + resources.get("cpus").text());
    }
    if (resources.get("memory_mib").integer(0) > 0) {
      parts.add("mem=" + gigabytes(resources.get("memory_mib")));
    }
    if (resources.at("disk", "size_mib").integer(0) > 0) {
      parts.add("disk=" + gigabytes(resources.at("disk", "size_mib")));
    }
    String gpu = gpus(resources);
    if (!gpu.equals("-")) {
      parts.add("gpu=" + gpu);
    }
    if (resources.get("spot").truth()) {
      parts.add("(spot)");
    }
    return parts.isEmpty() ? "-" : String.join(" ", parts);
  }

  /** {@code A100:80GB:2}, or a dash. */
  public static String gpus(Doc resources) {
    List<Doc> gpus = resources.get("gpus").items();
    if (gpus.isEmpty()) {
      return "-";
    }
    Doc gpu = gpus.getFirst();
    String memory =
        gpu.get("memory_mib").integer(0) > 0 ? gigabytes(gpu.get("memory_mib")) + ":" : "";
    return gpu.get("name").text("gpu") + ":" + memory + gpus.size();
  }

  /** What is asked for: {@code cpu=2.. mem=8GB.. disk=100GB.. gpu=A100:80GB:1..2}. */
  public static String requirements(Doc resources) {
    List<String> parts = new ArrayList<>();
    Doc cpu = resources.get("cpu");
    if (!cpu.isNull()) {
      String arch = cpu.get("arch").text();
      Doc count = cpu.isObject() && !cpu.get("count").isNull() ? cpu.get("count") : cpu;
      parts.add(
          "cpu=" + (arch == null ? "" : arch.toLowerCase(Locale.ROOT) + ":") + range(count, ""));
    }
    if (!resources.get("memory").isNull()) {
      parts.add("mem=" + range(resources.get("memory"), "GB"));
    }
    Doc disk = resources.get("disk");
    if (!disk.isNull()) {
      parts.add("disk=" + range(disk.get("size").isNull() ? disk : disk.get("size"), "GB"));
    }
    Doc gpu = resources.get("gpu");
    if (gpu.isObject()) {
      parts.add("gpu=" + gpu(gpu));
    } else if (!gpu.isNull()) {
      parts.add("gpu=" + gpu.text(""));
    }
    return parts.isEmpty() ? "-" : String.join(" ", parts);
  }

  /** Of what is asked for only the accelerators; empty: there need not be any. */
  public static String gpuWish(Doc resources) {
    Doc gpu = resources.get("gpu");
    Doc count = gpu.get("count");
    boolean none =
        count.isNull() || (count.get("min").number(1) == 0 && count.get("max").number(0) == 0);
    if (!gpu.isObject() || none) {
      return gpu.isObject() ? "" : gpu.text("");
    }
    boolean named = !gpu.get("name").items().isEmpty() || !gpu.get("vendor").isNull();
    return (named ? "" : "gpu:") + gpu(gpu);
  }

  private static String gpu(Doc gpu) {
    List<String> parts = new ArrayList<>();
    String names =
        String.join(",", gpu.get("name").items().stream().map(name -> name.text("")).toList());
    String vendor = gpu.get("vendor").text();
    if (!names.isEmpty()) {
      parts.add(names);
    } else if (vendor != null) {
      parts.add(vendor);
    }
    if (!gpu.get("memory").isNull()) {
      parts.add(range(gpu.get("memory"), "GB"));
    }
    if (!gpu.get("count").isNull()) {
      parts.add(range(gpu.get("count"), ""));
    }
    if (!gpu.get("total_memory").isNull()) {
      parts.add(range(gpu.get("total_memory"), "GB"));
    }
    List<Doc> capability = gpu.get("compute_capability").items();
    if (capability.size() == 2) {
      parts.add(capability.get(0).text("") + "." + capability.get(1).text(""));
    }
    return String.join(":", parts);
  }

  /**
   * {@code 2}, {@code 2..}, {@code ..4GB}, {@code 2..4}; a range that is written as text stays it.
   */
  public static String range(Doc range, String unit) {
    if (!range.isObject()) {
      return range.text("");
    }
    Double min = range.get("min").number();
    Double max = range.get("max").number();
    if (min != null && min.equals(max)) {
      return amount(min, unit);
    }
    return (min == null ? "" : amount(min, unit)) + ".." + (max == null ? "" : amount(max, unit));
  }

  /** Less than a gigabyte is told in megabytes: 200MB, not 0.1953125GB. */
  private static String amount(double value, String unit) {
    double mega = value * 1024;
    boolean isMega = unit.equals("GB") && value < 1 && mega >= 1;
    return isMega ? Math.round(mega) + "MB" : plain(value) + unit;
  }

  public static String gigabytes(Doc mib) {
    return plain(BigDecimal.valueOf(mib.number(0) / 1024).setScale(1, RoundingMode.HALF_UP)) + "GB";
  }

  /** {@code $0}, {@code $1.25}, {@code $0.0034}. */
  public static String price(@Nullable Double dollars) {
    return dollars == null
        ? "-"
        : "$" + plain(BigDecimal.valueOf(dollars).setScale(4, RoundingMode.HALF_UP));
  }

  /**
   * {@code aws (us-east-1)}; hosts that are reached by SSH are "ssh" to people, "remote" to the
   * API.
   */
  public static String backend(Doc backend, Doc region) {
    String name = backend.text();
    if (name == null) {
      return "-";
    }
    String shown = name.equals("remote") ? "ssh" : name;
    String place = region.text("");
    return place.isEmpty() ? shown : shown + " (" + place + ")";
  }

  /** A word for what keeps an offer from being taken at once, or nothing. */
  public static String availability(Doc availability) {
    String text = availability.text("unknown");
    return text.equals("unknown") || text.equals("available")
        ? ""
        : text.replace('_', ' ').toLowerCase(Locale.ROOT);
  }

  public static String plain(double number) {
    return plain(BigDecimal.valueOf(number));
  }

  private static String plain(BigDecimal number) {
    String text = number.toPlainString();
    if (text.indexOf('.') < 0) {
      return text;
    }
    int end = text.length();
    while (text.charAt(end - 1) == '0') {
      end--;
    }
    return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
  }
}
