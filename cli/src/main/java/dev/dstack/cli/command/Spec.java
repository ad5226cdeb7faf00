package dev.dstack.cli.command;

import dev.dstack.cli.CliException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;

/**
 * The words a command understands. It is turned into picocli's model without annotations, because finding those by
 * reflection would take longer than the command; groups are only built for the help.
 */
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
    CommandLine line = line(model(false));
    CommandLine.ParseResult result;
    try {
      result = line.parseArgs(words.toArray(String[]::new));
    } catch (ParameterException e) {
      throw CliException.usage(e.getMessage());
    }
    for (List<String> names : exclusive) {
      List<String> given = names.stream().filter(result::hasMatchedOption).toList();
      if (given.size() > 1) {
        throw CliException.usage("Only one of " + String.join(", ", given) + " may be given");
      }
    }
    for (Option option : options) {
      String first = option.names().getFirst();
      if (!option.values().isEmpty() && result.hasMatchedOption(first)) {
        String value = result.matchedOptionValue(first, "");
        if (!option.values().contains(value)) {
          throw CliException.usage(
              first + " is `" + value + "`; it can be " + String.join(" or ", option.values()));
        }
      }
    }
    return new Args(result);
  }

  public String help(String qualifiedName, int width, boolean colours) {
    CommandLine line = line(model(true));
    line.setCommandName(qualifiedName);
    line.setUsageHelpWidth(Math.clamp(width, 60, 110));
    CommandLine.Help.Ansi ansi = colours ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF;
    return line.getUsageMessage(ansi);
  }

  /** For the completion script. */
  public List<String> optionNames() {
    return options.stream().flatMap(option -> option.names().stream()).toList();
  }

  private static CommandLine line(CommandSpec model) {
    CommandLine line = new CommandLine(model);
    line.setExpandAtFiles(false);
    return line;
  }

  private Spec option(Kind kind, String label, String about, List<String> values, String... names) {
    options.add(new Option(kind, List.of(names), label, about, groups.size(), values));
    return this;
  }

  private CommandSpec model(boolean forHelp) {
    CommandSpec model = CommandSpec.create().name(name);
    List<ArgGroupSpec.Builder> sections = new ArrayList<>();
    for (String heading : forHelp ? groups : List.<String>of()) {
      sections.add(
          ArgGroupSpec.builder()
              .exclusive(false)
              .multiplicity("0..1")
              .order(sections.size())
              .heading(heading + ":%n"));
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
      if (forHelp && option.group() > 0) {
        sections.get(option.group() - 1).addArg(builder.build());
      } else {
        model.addOption(builder.build());
      }
    }
    if (forHelp) {
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
    }
    return model;
  }
}
