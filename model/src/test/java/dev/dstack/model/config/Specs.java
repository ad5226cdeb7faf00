package dev.dstack.model.config;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.fleet.FleetSpec;
import dev.dstack.model.wire.run.RunSpec;
import java.util.List;

/** Specs for tests, written with single quotes. */
final class Specs {
  private Specs() {}

  /** A task called {@code train} with the given fields of its file, beyond the command. */
  static RunSpec task(String... fields) {
    return run("'type':'task','commands':['python train.py']" + joined(fields));
  }

  static RunSpec run(String configuration) {
    return spec("'run_name':'train','configuration':{" + configuration + "}");
  }

  static RunSpec spec(String fields) {
    return Json.strict().readValue(json("{" + fields + "}"), RunSpec.class);
  }

  static FleetSpec fleet(String... fields) {
    return Json.strict()
        .readValue(
            json(
                "{'configuration':{'type':'fleet','name':'lab'"
                    + joined(fields)
                    + "},'profile':{'name':'default'}}"),
            FleetSpec.class);
  }

  private static String joined(String... fields) {
    return fields.length == 0 ? "" : "," + String.join(",", fields);
  }

  private static String json(String text) {
    return text.replace('\'', '"');
  }

  static List<String> fields(List<SpecProblem> problems) {
    return problems.stream().map(SpecProblem::field).toList();
  }
}
