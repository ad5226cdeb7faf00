package dev.dstack.cli.files;

import dev.dstack.cli.CliException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * {@code .gitignore}, {@code .ignore} and {@code .dstackignore} as Git reads them: the last rule
 * that fits decides, and rules of a directory come after those of the ones around it.
 */
final class IgnoreRules {
  private static final List<String> FILES = List.of(".ignore", ".gitignore", ".dstackignore");

  private record Rule(Path base, Pattern pattern, boolean onlyDirectories, boolean keeps) {
    boolean fits(Path path, boolean isDirectory) {
      return (isDirectory || !onlyDirectories)
          && path.startsWith(base)
          && pattern.matcher(base.relativize(path).toString()).matches();
    }
  }

  private final List<Rule> rules;

  private IgnoreRules(List<Rule> rules) {
    this.rules = rules;
  }

  /**
   * The rules of the directories above one, up to the top of its Git repo; none where it is in no
   * repo.
   */
  static IgnoreRules above(Path directory) {
    List<Path> around = new ArrayList<>();
    for (Path below = directory; !Files.exists(below.resolve(".git")); ) {
      Path parent = below.getParent();
      if (parent == null) {
        return new IgnoreRules(List.of());
      }
      around.addFirst(parent);
      below = parent;
    }
    IgnoreRules rules = new IgnoreRules(List.of());
    for (Path outer : around) {
      rules = rules.in(outer);
    }
    return rules;
  }

  /** These rules and those that stand in a directory. */
  IgnoreRules in(Path directory) {
    List<Rule> all = new ArrayList<>(rules);
    for (String name : FILES) {
      Path file = directory.resolve(name);
      if (Files.isRegularFile(file)) {
        try {
          for (String line : Files.readString(file).split("\n", -1)) {
            add(all, directory, line.stripTrailing());
          }
        } catch (IOException e) {
          throw CliException.failure("Can't read " + file + ": " + e.getMessage(), e);
        }
      }
    }
    return all.size() == rules.size() ? this : new IgnoreRules(all);
  }

  boolean ignores(Path path, boolean isDirectory) {
    if (isDirectory && path.endsWith(".git")) {
      return true;
    }
    for (int i = rules.size() - 1; i >= 0; i--) {
      if (rules.get(i).fits(path, isDirectory)) {
        return !rules.get(i).keeps();
      }
    }
    return false;
  }

  private static void add(List<Rule> rules, Path base, String line) {
    boolean keeps = line.startsWith("!");
    String glob = keeps ? line.substring(1) : line;
    boolean onlyDirectories = glob.endsWith("/");
    if (onlyDirectories) {
      glob = glob.substring(0, glob.length() - 1);
    }
    if (glob.isEmpty() || line.startsWith("#")) {
      return;
    }
    boolean anchored = glob.indexOf('/') >= 0;
    String regex =
        (anchored ? "" : "(?:.*/)?") + regex(glob.startsWith("/") ? glob.substring(1) : glob);
    rules.add(new Rule(base, Pattern.compile(regex, Pattern.DOTALL), onlyDirectories, keeps));
  }

  private static String regex(String glob) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < glob.length(); i++) {
      char c = glob.charAt(i);
      if (glob.startsWith("**/", i)) {
        regex.append("(?:.*/)?");
        i += 2;
      } else if (glob.startsWith("**", i)) {
        regex.append(".*");
        i++;
      } else if (c == '*') {
        regex.append("[^/]*");
      } else if (c == '?') {
        regex.append("[^/]");
      } else if (c == '[' && glob.indexOf(']', i + 2) > 0) {
        int end = glob.indexOf(']', i + 2);
        String set =
            glob.substring(i + 1, end)
                .replace("\\", "\\\\")
                .replace("[", "\\[")
                .replace("&", "\\&");
        regex.append('[').append(set.startsWith("!") ? "^" + set.substring(1) : set).append(']');
        i = end;
      } else if (c == '\\' && i + 1 < glob.length()) {
        regex.append(Pattern.quote(String.valueOf(glob.charAt(++i))));
      } else {
        regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    return regex.toString();
  }
}
