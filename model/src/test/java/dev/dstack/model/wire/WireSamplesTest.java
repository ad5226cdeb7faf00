package dev.dstack.model.wire;

import static org.assertj.core.api.Assertions.assertThat;

import dev.dstack.model.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Samples in the form of the wire: names, their order and nulls come back exactly. */
class WireSamplesTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "project",
        "user-with-creds",
        "run-plan",
        "run-submitted",
        "run-running",
        "run-list-request",
        "fleet",
        "job-logs",
        "poll-logs-request",
        "event",
        "init-repo-request",
        "stop-runs-request",
      })
  void comesBackAsItWas(String sample) throws ClassNotFoundException {
    JsonNode document = read(sample);
    Object read = Json.strict().treeToValue(document.get("json"), type(document));
    assertThat(Json.strict().writeValueAsString(read)).isEqualTo(document.get("json").toString());
    Object again = Json.strict().readValue(Json.strict().writeValueAsString(read), type(document));
    assertThat(again).isEqualTo(read);
  }

  /** Clients leave out what their own server might not know yet. */
  @ParameterizedTest
  @ValueSource(strings = {"get-plan-request", "apply-request", "offers-request"})
  void isReadWithoutTheFieldsThatClientsLeaveOut(String sample) throws ClassNotFoundException {
    JsonNode document = read(sample);
    Object read = Json.strict().treeToValue(document.get("json"), type(document));
    Object again = Json.strict().readValue(Json.strict().writeValueAsString(read), type(document));
    assertThat(again).isEqualTo(read);
  }

  private static Class<?> type(JsonNode document) throws ClassNotFoundException {
    return Class.forName("dev.dstack.model.wire." + document.get("type").stringValue());
  }

  private static JsonNode read(String sample) {
    try (InputStream in = WireSamplesTest.class.getResourceAsStream(sample + ".json")) {
      return Json.lenient().readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
