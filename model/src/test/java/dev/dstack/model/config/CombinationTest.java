package dev.dstack.model.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.json.Json;
import dev.dstack.model.wire.configuration.Profile;
import dev.dstack.model.wire.configuration.ProfileParams;
import dev.dstack.model.wire.run.Requirements;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class CombinationTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "backends       | ['aws','gcp']  | ['gcp','oci'] | ['gcp']",
        "regions        | ['EU-1','us']  | ['eu-1']      | ['EU-1']",
        "instance_types | null           | ['a']         | ['a']",
        "spot_policy    | 'auto'         | 'spot'        | 'spot'",
        "max_price      | 2              | 1.5           | 1.5",
        "idle_duration  | 'off'          | 60            | 60",
        "idle_duration  | 30             | 60            | 30",
        "reservation    | null           | 'r'           | 'r'",
        "tags           | {'a':'1'}      | {'a':'2','b':'3'} | {'a':'2','b':'3'}",
        "retry          | true           | true          | null",
      })
  void profiles(String field, String fleet, String run, String both) {
    assertThat(Combination.profiles(profile(field, fleet), profile(field, run)))
        .isInstanceOfSatisfying(
            Combination.Result.Of.class,
            of -> assertThat(Json.tree(of.value()).get(field)).hasToString(json(both)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {"spot_policy | 'spot' | 'on-demand'", "reservation | 'a' | 'b'"})
  void profilesThatContradict(String field, String fleet, String run) {
    assertThat(Combination.profiles(profile(field, fleet), profile(field, run)))
        .isInstanceOfSatisfying(
            Combination.Result.Conflict.class,
            conflict -> assertThat(conflict.why()).startsWith(field));
  }

  @Test
  void requirementsMeetFieldByField() {
    JsonNode both =
        Json.tree(
            ((Combination.Result.Of<Requirements>)
                    Combination.requirements(
                        requirements("{'cpu':'2..16','memory':'8GB..64GB','gpu':'H100,A100:1..8'}"),
                        requirements("{'cpu':'x86:4..','memory':'..32GB','gpu':'a100:80GB:2..'}")))
                .value()
                .resources());
    assertThat(both.get("cpu")).hasToString(json("{'arch':'x86','count':{'min':4,'max':16}}"));
    assertThat(both.get("memory")).hasToString(json("{'min':8.0,'max':32.0}"));
    assertThat(both.get("gpu").get("name")).hasToString(json("['A100']"));
    assertThat(both.get("gpu").get("count")).hasToString(json("{'min':2,'max':8}"));
    assertThat(both.get("gpu").get("memory")).hasToString(json("{'min':80.0,'max':80.0}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "{'cpu':'..2'}      | {'cpu':'4..'}     | cpu",
        "{'cpu':'x86:2'}    | {'cpu':'arm:2'}   | cpu.arch",
        "{'memory':'4GB'}   | {'memory':'8GB'}  | memory",
        "{'gpu':0}          | {'gpu':1}         | gpu.count",
        "{'gpu':'amd'}      | {'gpu':'nvidia'}  | gpu.vendor",
      })
  void requirementsThatContradict(String fleet, String run, String field) {
    assertThat(Combination.requirements(requirements(fleet), requirements(run)))
        .isInstanceOfSatisfying(
            Combination.Result.Conflict.class,
            conflict -> assertThat(conflict.why()).startsWith(field + ":"));
  }

  private static ProfileParams profile(String field, String value) {
    return Json.strict().readValue(json("{'" + field + "':" + value + "}"), Profile.class).params();
  }

  private static Requirements requirements(String resources) {
    return Json.strict().readValue(json("{'resources':" + resources + "}"), Requirements.class);
  }

  private static String json(String text) {
    return text.replace('\'', '"');
  }
}
