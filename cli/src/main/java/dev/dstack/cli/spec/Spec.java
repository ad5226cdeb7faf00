package dev.dstack.cli.spec;

import dev.dstack.cli.CliException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The words a command understands: read by a small parser, explained by picocli's help. */
public final class Spec {
  private enum Kind {
    FLAG,
    TEXT,
    NUMBER,
    TEXTS
  }

  private record Option(
      Kind kind, List<String> names, String label, String about, int group, List<String> values) {}

  private record Positional(String label, String about, boolean required, boolean many) {}

  private record Child(String name, String about, Supplier<Command> command) {}

  private final String name;
  private final String about;
  private final List<Option> options = new ArrayList<>();
  private final List<Positional> positionals = new ArrayList<>();
  private final List<String> groups = new ArrayList<>();
  private final List<List<String>> exclusive = new ArrayList<>();
  private final List<String> footer = new ArrayList<>();
  private final List<Child> children = new ArrayList<>();
  private @Nullable String defaultChild;

  private Spec(String name, String about) {
    this.name = name;
    this.about = about;
  }

  public static Spec of(String name, String about) {
    return new Spec(name, about);
  }

  public String name() {
    return name;
  }

  public String about() {
    return about;
  }

  /** Options from here on stand under a heading of the help. */
  public Spec group(String heading) {
    groups.add(heading);
    return this;
  }

  public Spec flag(String about, String... names) {
    return option(Kind.FLAG, "", about, List.of(), names);
  }

  public Spec text(String label, String about, String... names) {
    return option(Kind.TEXT, label, about, List.of(), names);
  }

  public Spec oneOf(List<String> values, String about, String... names) {
    return option(Kind.TEXT, String.join("|", values), about, values, names);
  }

  public Spec number(String label, String about, String... names) {
    return option(Kind.NUMBER, label, about, List.of(), names);
  }

  /** May be given several times. */
  public Spec texts(String label, String about, String... names) {
    return option(Kind.TEXTS, label, about, List.of(), names);
  }

  /** At most one of these may be given. */
  public Spec onlyOne(String... names) {
    exclusive.add(List.of(names));
    return this;
  }

  public Spec positional(String label, String about) {
    positionals.add(new Positional(label, about, true, false));
    return this;
  }

  public Spec optionalPositional(String label, String about) {
    positionals.add(new Positional(label, about, false, false));
    return this;
  }

  public Spec rest(String label, String about) {
    positionals.add(new Positional(label, about, false, true));
    return this;
  }

  public Spec footer(String... lines) {
    footer.addAll(List.of(lines));
    return this;
  }

  public Spec child(String name, String about, Supplier<Command> command) {
    children.add(new Child(name, about, command));
    return this;
  }

  /** The child that is meant when none is named. */
  public Spec defaultChild(String name) {
    defaultChild = name;
    return this;
  }

  public Spec project() {
    return text(
        "NAME", "The project; $DSTACK_PROJECT or the default of config.yml otherwise", "--project");
  }

  public boolean hasChildren() {
    return !children.isEmpty();
  }

  public List<String> childNames() {
    return children.stream().map(Child::name).toList();
  }

  public @Nullable Command child(String wanted) {
    for (Child child : children) {
      if (child.name().equals(wanted)) {
        return child.command().get();
      }
    }
    return null;
  }

  public @Nullable String defaultChild() {
    return defaultChild;
  }

  /**
   * @throws CliException when the words are not understood
   */
  public Args parse(List<String> words) {
    Args args = new Parser().parse(words);
    for (List<String> names : exclusive) {
      List<String> given = names.stream().filter(args::has).toList();
      if (given.size() > 1) {
        throw CliException.usage("Only one of " + String.join(", ", given) + " may be given");
      }
    }
    return args;
  }

  public String help(String qualifiedName, int width, boolean colours) {
    CommandLine line = new CommandLine(model());
    line.setCommandName(qualifiedName);
    line.setUsageHelpWidth(Math.clamp(width, 60, 110));
    CommandLine.Help.Ansi ansi = colours ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF;
    return line.getUsageMessage(ansi);
  }

  /** For the completion script. */
  public List<String> optionNames() {
    return options.stream().flatMap(option -> option.names().stream()).toList();
  }

  private Spec option(Kind kind, String label, String about, List<String> values, String... names) {
    options.add(new Option(kind, List.of(names), label, about, groups.size(), values));
    return this;
  }

  private CommandSpec model() {
    CommandSpec model = CommandSpec.create().name(name);
    List<ArgGroupSpec.Builder> sections = new ArrayList<>();
    for (String heading : groups) {
      sections.add(
          ArgGroupSpec.builder()
              .exclusive(false)
              .multiplicity("0..1")
              .order(sections.size())
              .heading("%n" + heading + ":%n"));
    }
    for (int i = 0; i < positionals.size(); i++) {
      Positional positional = positionals.get(i);
      model.addPositional(
          PositionalParamSpec.builder()
              .index(positional.many() ? i + "..*" : String.valueOf(i))
              .arity(positional.many() ? "0..*" : positional.required() ? "1" : "0..1")
              .type(positional.many() ? List.class : String.class)
              .auxiliaryTypes(String.class)
              .paramLabel(positional.label())
              .description(positional.about())
              .build());
    }
    for (Option option : options) {
      OptionSpec.Builder builder =
          OptionSpec.builder(option.names().toArray(String[]::new)).description(option.about());
      switch (option.kind()) {
        case FLAG -> builder.type(boolean.class).arity("0");
        case TEXT -> builder.type(String.class).arity("1").paramLabel(option.label());
        case NUMBER -> builder.type(Integer.class).arity("1").paramLabel(option.label());
        case TEXTS ->
            builder
                .type(List.class)
                .auxiliaryTypes(String.class)
                .arity("1")
                .paramLabel(option.label());
      }
      if (!option.values().isEmpty()) {
        builder.completionCandidates(option.values());
      }
      if (option.group() > 0) {
        sections.get(option.group() - 1).addArg(builder.build());
      } else {
        model.addOption(builder.build());
      }
    }
    model.addOption(
        OptionSpec.builder("-h", "--help")
            .type(boolean.class)
            .arity("0")
            .usageHelp(true)
            .description("Show this text")
            .build());
    sections.forEach(section -> model.addArgGroup(section.build()));
    model
        .usageMessage()
        .description(about)
        .sortOptions(false)
        .abbreviateSynopsis(options.size() > 12)
        .optionListHeading("%nOptions:%n")
        .parameterListHeading("%nArguments:%n")
        .footer(footer.toArray(String[]::new));
    if (!children.isEmpty()) {
      model.usageMessage().commandListHeading("%nCommands:%n").synopsisSubcommandLabel("COMMAND");
      for (Child child : children) {
        CommandSpec stub = CommandSpec.create().name(child.name());
        stub.usageMessage().description(child.about());
        model.addSubcommand(child.name(), stub);
      }
    }
    return model;
  }

  /**
   * Reads words as getopt and picocli do: {@code --name value}, {@code --name=value}, {@code -n5},
   * {@code -ab}, {@code --}. picocli itself is only there for the help: its classes are compiled
   * for a Java so old that no start-up cache takes them, and loading them would be half of a short
   * command's time.
   */
  private final class Parser {
    private final Map<String, List<String>> given = new HashMap<>();
    private final List<String> loose = new ArrayList<>();

    Args parse(List<String> words) {
      Map<String, Option> known = new HashMap<>();
      for (Option option : options) {
        option.names().forEach(name -> known.put(name, option));
      }
      int at = 0;
      while (at < words.size()) {
        String word = words.get(at++);
        if (word.equals("--")) {
          loose.addAll(words.subList(at, words.size()));
          break;
        }
        if (!word.startsWith("-") || word.equals("-")) {
          loose.add(word);
        } else if (word.startsWith("--")) {
          int equals = word.indexOf('=');
          Option option = find(known, equals < 0 ? word : word.substring(0, equals));
          String value = equals < 0 ? null : word.substring(equals + 1);
          if (value == null && option.kind() != Kind.FLAG) {
            value = next(words, at++, option, word);
          }
          add(option, word, value);
        } else {
          at = cluster(known, words, word, at);
        }
      }
      return new Args(given, checked());
    }

    /**
     * {@code -ab}: flags up to the first option with a value, which takes the rest or the next
     * word.
     */
    private int cluster(Map<String, Option> known, List<String> words, String word, int next) {
      int at = next;
      for (int i = 1; i < word.length(); i++) {
        String name = "-" + word.charAt(i);
        Option option = find(known, name);
        if (option.kind() == Kind.FLAG) {
          add(option, name, null);
          continue;
        }
        String rest = word.substring(i + 1);
        if (rest.isEmpty()) {
          add(option, name, next(words, at++, option, name));
        } else {
          add(option, name, rest.startsWith("=") ? rest.substring(1) : rest);
        }
        break;
      }
      return at;
    }

    private static Option find(Map<String, Option> known, String name) {
      Option option = known.get(name);
      if (option == null) {
        throw CliException.usage("There is no option " + name);
      }
      return option;
    }

    private static String next(List<String> words, int at, Option option, String name) {
      if (at >= words.size() || words.get(at).equals("--")) {
        throw CliException.usage(name + " needs a value: " + option.label());
      }
      return words.get(at);
    }

    private void add(Option option, String name, @Nullable String value) {
      String first = option.names().getFirst();
      List<String> values = given.computeIfAbsent(first, absent -> new ArrayList<>());
      if (option.kind() == Kind.FLAG && value != null) {
        throw CliException.usage(first + " takes no value");
      }
      if (value != null) {
        if (option.kind() == Kind.NUMBER && !isNumber(value)) {
          throw CliException.usage(name + " is `" + value + "`; expected a number");
        }
        if (!option.values().isEmpty() && !option.values().contains(value)) {
          throw CliException.usage(
              name + " is `" + value + "`; it can be " + String.join(" or ", option.values()));
        }
        values.add(value);
      }
      option.names().forEach(alias -> given.put(alias, values));
    }

    private static boolean isNumber(String text) {
      try {
        Integer.parseInt(text);
        return true;
      } catch (NumberFormatException e) {
        return false;
      }
    }

    private List<String> checked() {
      boolean many = !positionals.isEmpty() && positionals.getLast().many();
      if (loose.size() > positionals.size() && !many) {
        throw CliException.usage("`" + loose.get(positionals.size()) + "` is one word too many");
      }
      for (int i = loose.size(); i < positionals.size(); i++) {
        if (positionals.get(i).required()) {
          throw CliException.usage(
              positionals.get(i).label() + " is missing: " + positionals.get(i).about());
        }
      }
      return loose;
    }
  }
}
