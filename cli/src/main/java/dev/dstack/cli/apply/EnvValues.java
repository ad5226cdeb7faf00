package dev.dstack.cli.apply;

import dev.dstack.cli.CliException;
import dev.dstack.cli.data.Doc;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * {@code env} of a configuration with the values of the person's own environment where it only
 * names a variable.
 */
final class EnvValues {
  private EnvValues() {}

  /**
   * @param options {@code KEY=VALUE} or {@code KEY}, stronger than the file
   */
  static Map<String, String> resolve(
      ConfigurationFile file, List<String> options, Map<String, String> environment) {
    Map<String, String> values = new LinkedHashMap<>();
    Doc env = file.root().get("env");
    Map<String, String> given = new LinkedHashMap<>();
    for (String option : options) {
      int equals = option.indexOf('=');
      String name = equals < 0 ? option : option.substring(0, equals);
      if (name.isEmpty()) {
        throw CliException.usage("-e `" + option + "` has no name; expected NAME=VALUE or NAME");
      }
      given.put(
          name,
          equals < 0 ? inherited(name, environment, "-e " + name) : option.substring(equals + 1));
    }
    if (env.isList()) {
      int index = 0;
      for (Doc item : env.items()) {
        List<Object> place = List.of("env", index++);
        String text = item.text();
        if (text == null) {
          throw CliException.failure(file.place(place) + "env: expected NAME=VALUE or NAME");
        }
        int equals = text.indexOf('=');
        String name = equals < 0 ? text : text.substring(0, equals);
        if (values.containsKey(name)) {
          throw CliException.failure(file.place(place) + "env: `" + name + "` is given twice");
        }
        values.put(
            name,
            value(
                file,
                place,
                name,
                equals < 0 ? Doc.NULL : Doc.of(text.substring(equals + 1)),
                given,
                environment));
      }
    } else if (env.isObject()) {
      env.fields()
          .forEach(
              (name, value) ->
                  values.put(
                      name, value(file, List.of("env", name), name, value, given, environment)));
    } else if (!env.isNull()) {
      throw file.at("env", "env: expected names and values, or a list of NAME=VALUE");
    }
    values.putAll(given);
    return values;
  }

  private static String value(
      ConfigurationFile file,
      List<Object> place,
      String name,
      Doc written,
      Map<String, String> given,
      Map<String, String> environment) {
    String option = given.get(name);
    if (option != null) {
      return option;
    }
    if (written.isNull()) {
      return inherited(name, environment, file.place(place) + "env: " + name);
    }
    String text = written.text();
    if (text == null) {
      throw CliException.failure(
          file.place(place) + "env: the value of `" + name + "` must be a text");
    }
    return text;
  }

  private static String inherited(String name, Map<String, String> environment, String where) {
    String value = environment.get(name);
    if (value == null) {
      throw CliException.failure(
          where
              + " has no value, and your environment has none.\nSet it, or pass -e "
              + name
              + "=VALUE.");
    }
    return value;
  }
}
