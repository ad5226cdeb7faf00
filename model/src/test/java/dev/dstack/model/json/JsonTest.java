package dev.dstack.model.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.dstack.model.wire.resources.Memory;
import dev.dstack.model.wire.run.GetRunPlanRequest;
import dev.dstack.model.wire.run.GetRunRequest;
import dev.dstack.model.wire.run.StopRunsRequest;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.JacksonException;

class JsonTest {
  enum Colour {
    @com.fasterxml.jackson.annotation.JsonProperty("light-red")
    LIGHT_RED
  }

  record Outer(
      UUID someId, Colour colour, Instant seenAt, Map<String, Integer> counts, String text) {}

  @Test
  void writesSnakeCaseInOrderOfDeclarationWithNulls() {
    Outer value =
        new Outer(
            UUID.fromString("00000000-0000-4000-8000-000000000001"),
            Colour.LIGHT_RED,
            Instant.parse("2026-11-20T23:41:20.123456Z"),
            Map.of("b", 2, "a", 1),
            null);
    assertThat(Json.strict().writeValueAsString(value))
        .isEqualTo(
            """
            {"some_id":"00000000-0000-4000-8000-000000000001","colour":"light-red",\
            "seen_at":"2026-11-20T23:41:20.123456Z","counts":{"a":1,"b":2},"text":null}""");
    assertThat(Json.strict().readValue(Json.strict().writeValueAsString(value), Outer.class))
        .isEqualTo(value);
  }

  @ParameterizedTest
  @CsvSource({
    "2026-11-20T23:41:20.123456789Z, 2026-11-20T23:41:20.123456Z",
    "2026-11-20T23:41:20.5Z, 2026-11-20T23:41:20.500000Z",
    "2026-11-20T23:41:20Z, 2026-11-20T23:41:20Z",
  })
  void instantsHaveMicrosecondsOrNoFraction(Instant instant, String text) {
    assertThat(Json.text(instant)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({
    "'\"2026-11-20T23:41:20+01:00\"', 2026-11-20T22:41:20Z",
    "'\"2026-11-20 23:41:20\"', 2026-11-20T23:41:20Z",
    "'\"2026-11-20T23:41:20.25z\"', 2026-11-20T23:41:20.25Z",
    "'\"2026-11-20\"', 2026-11-20T00:00:00Z",
    "1795218080, 2026-11-20T23:41:20Z",
    "1795218080000, 2026-11-20T23:41:20Z",
  })
  void instantsAreReadInEveryUsualForm(String json, Instant instant) {
    assertThat(Json.strict().readValue(json, Instant.class)).isEqualTo(instant);
  }

  @Test
  void unknownFieldsAreForbiddenOrIgnored() {
    String json = "{\"run_name\":\"a\",\"what\":1}";
    assertThat(Json.lenient().readValue(json, GetRunRequest.class).runName()).isEqualTo("a");
    assertThat(errors(json, GetRunRequest.class))
        .containsExactly(
            FieldError.of("extra_forbidden", List.of("what"), "Extra inputs are not permitted"));
    assertThat(errors("{\"text\":\"\",\"what\":1}", Outer.class))
        .extracting(FieldError::type)
        .containsExactly("extra_forbidden");
  }

  @Test
  void everyProblemIsToldWithItsPlace() {
    String json =
        """
        {"max_offers": "many", "run_spec": {"configuration":
         {"type": "task", "commands": [1, true], "ports": [80, 70000], "bogus": null}}}""";
    assertThat(errors(json, GetRunPlanRequest.class))
        .extracting(error -> error.type() + " " + error.loc())
        .containsExactlyInAnyOrder(
            "int_parsing [max_offers]",
            "string_type [run_spec, configuration, commands, 1]",
            "value_error [run_spec, configuration, ports, 1, local_port]",
            "extra_forbidden [run_spec, configuration, bogus]");
  }

  @Test
  void requiredFieldsAreNotSilentlyNull() {
    assertThat(errors("{}", StopRunsRequest.class))
        .extracting(error -> error.type() + " " + error.loc())
        .containsExactly("missing [runs_names]", "missing [abort]");
    assertThat(errors("{\"runs_names\":null,\"abort\":false}", StopRunsRequest.class))
        .extracting(FieldError::type)
        .containsExactly("list_type");
  }

  @Test
  void whatIsNotJsonIsToldWithThePosition() {
    assertThat(errors("{\"a\": nope}", GetRunRequest.class))
        .singleElement()
        .satisfies(
            error -> {
              assertThat(error.type()).isEqualTo("json_invalid");
              assertThat(error.under("body").loc().getFirst()).isEqualTo("body");
              assertThat(error.ctx()).containsKey("error");
            });
  }

  @Test
  void errorsNeverRepeatTheInput() {
    String json =
        """
        {"run_spec": {"configuration": {"type": "task", "commands": ["x"],
         "env": {"TOKEN": ["hunter2"]}, "registry_auth": {"username": "hunter2"}, "hunter": 1}}}""";
    assertThat(Json.strict().writeValueAsString(errors(json, GetRunPlanRequest.class)))
        .doesNotContain("hunter2");
  }

  @ParameterizedTest
  @CsvSource({"3.1, 3.1", "3.10, 3.1", "5, 5", "1e20, 1e+20", "0.00001, 1e-05", "100.0, 100.0"})
  void numbersBecomeTextWhereTextIsMeant(String number, String text) {
    String json = "{\"run_name\":" + number + "}";
    assertThat(Json.strict().readValue(json, GetRunRequest.class).runName()).isEqualTo(text);
  }

  @Test
  void scalarsOfTheirOwnAreReadAnywhere() {
    assertThat(Json.strict().readValue("\"512MB\"", Memory.class)).isEqualTo(new Memory(0.5));
    assertThat(Json.strict().writeValueAsString(new Memory(8))).isEqualTo("8.0");
  }

  private static List<FieldError> errors(String json, Class<?> type) {
    return Json.errors(
        catchThrowableOfType(JacksonException.class, () -> Json.strict().readValue(json, type)));
  }
}
