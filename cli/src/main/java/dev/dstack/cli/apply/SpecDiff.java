package dev.dstack.cli.apply;

import dev.dstack.cli.data.Doc;
import dev.dstack.cli.data.JsonText;
import dev.dstack.cli.run.Formats;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What differs between the run there is and the one that is asked for, a line for each property.
 */
final class SpecDiff {
  private static final int SHOWN = 60;

  private SpecDiff() {}

  /** Empty when the two mean the same. */
  static List<String> lines(Doc present, Doc wanted) {
    List<String> lines = new ArrayList<>();
    for (String field : names(present, wanted)) {
      Doc before = present.get(field);
      Doc after = wanted.get(field);
      if (before.equals(after) || field.equals("merged_profile")) {
        continue;
      }
      switch (field) {
        case "configuration" -> properties(lines, "", before, after);
        case "profile" -> properties(lines, "profile.", before, after);
        case "file_archives" -> lines.add("files: their contents changed");
        case "ssh_key_pub" -> lines.add("the public SSH key");
        case "repo_id", "repo_data", "repo_code_hash" -> lines.add("the repo: " + field);
        default -> lines.add(field + ": " + shown(before) + " → " + shown(after));
      }
    }
    return lines;
  }

  private static void properties(List<String> lines, String prefix, Doc before, Doc after) {
    for (String field : names(before, after)) {
      Doc old = before.get(field);
      Doc young = after.get(field);
      if (old.equals(young)) {
        continue;
      }
      if (field.equals("env")) {
        env(lines, old.fields(), young.fields());
      } else if (field.equals("resources") || (old.isObject() && young.isObject())) {
        properties(lines, prefix + field + ".", old, young);
      } else if (old.isList() && young.isList() && isLong(old, young)) {
        items(lines, prefix + field, old.items(), young.items());
      } else {
        lines.add(prefix + field + ": " + shown(old) + " → " + shown(young));
      }
    }
  }

  private static boolean isLong(Doc before, Doc after) {
    return JsonText.write(before).length() > SHOWN || JsonText.write(after).length() > SHOWN;
  }

  /** Of a long list only what comes and what goes. */
  private static void items(List<String> lines, String name, List<Doc> before, List<Doc> after) {
    List<Doc> gone = before.stream().filter(item -> !after.contains(item)).toList();
    List<Doc> come = after.stream().filter(item -> !before.contains(item)).toList();
    gone.forEach(item -> lines.add(name + ": removed " + shown(item)));
    come.forEach(item -> lines.add(name + ": added " + shown(item)));
    if (gone.isEmpty() && come.isEmpty()) {
      lines.add(name + ": in another order");
    }
  }

  /** Values may be secrets: only the names are told. */
  private static void env(List<String> lines, Map<String, Doc> before, Map<String, Doc> after) {
    Set<String> names = new LinkedHashSet<>(before.keySet());
    names.addAll(after.keySet());
    for (String name : names) {
      Doc old = before.get(name);
      Doc young = after.get(name);
      if (old == null) {
        lines.add("env." + name + ": added");
      } else if (young == null) {
        lines.add("env." + name + ": removed");
      } else if (!old.equals(young)) {
        lines.add("env." + name + ": changed");
      }
    }
  }

  private static Set<String> names(Doc before, Doc after) {
    Set<String> names = new LinkedHashSet<>(after.fields().keySet());
    names.addAll(before.fields().keySet());
    return names;
  }

  private static String shown(Doc value) {
    if (value.isNull()) {
      return "not set";
    }
    if (value.isObject() && Set.of("min", "max").equals(value.fields().keySet())) {
      return Formats.range(value, "");
    }
    String text = value.text();
    String json = text == null ? JsonText.write(value) : text;
    return json.length() > SHOWN ? json.substring(0, SHOWN) + "…" : json;
  }
}
