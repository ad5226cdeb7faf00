package dev.dstack.db.log.cloudwatch;

import dev.dstack.model.agent.LogFrame;
import dev.dstack.model.json.Json;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A frame as the text of an event: {@code {"offset":0,"micros":…,"source":"stdout","message":"…"}},
 * with {@code base64} in the place of {@code message} where it is not text. The offset is what
 * tells an event from its repetition.
 */
record LoggedFrame(long offset, LogFrame frame) {
  /** Escapes make text longer; from here on base64 is shorter, and an event has its limit. */
  private static final int TEXT_MAX = 3 * LogFrame.MAX_BYTES;

  long end() {
    return offset + LogFrame.HEADER_BYTES + frame.bytes().length;
  }

  long millis() {
    return frame.at().toEpochMilli();
  }

  String text() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("offset", offset);
    node.put("micros", ChronoUnit.MICROS.between(Instant.EPOCH, frame.at()));
    node.put("source", frame.source() == LogFrame.Source.STDERR ? "stderr" : "stdout");
    try {
      String message =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(frame.bytes())).toString();
      String text = Json.lenient().writeValueAsString(node.deepCopy().put("message", message));
      if (text.length() <= TEXT_MAX) {
        return text;
      }
    } catch (CharacterCodingException _) {
      // Bytes, then.
    }
    return Json.lenient()
        .writeValueAsString(node.put("base64", Base64.getEncoder().encodeToString(frame.bytes())));
  }

  /** Empty: somebody else wrote that event. */
  static Optional<LoggedFrame> parse(String text) {
    try {
      JsonNode node = Json.lenient().readTree(text);
      if (!node.path("offset").isIntegralNumber() || !node.path("micros").isIntegralNumber()) {
        return Optional.empty();
      }
      byte[] bytes =
          node.has("base64")
              ? Base64.getDecoder().decode(node.path("base64").asString(""))
              : node.path("message").asString("").getBytes(StandardCharsets.UTF_8);
      long micros = node.path("micros").asLong();
      return Optional.of(
          new LoggedFrame(
              node.path("offset").asLong(),
              new LogFrame(
                  Instant.ofEpochSecond(
                      Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1_000),
                  "stderr".equals(node.path("source").asString(""))
                      ? LogFrame.Source.STDERR
                      : LogFrame.Source.STDOUT,
                  bytes)));
    } catch (JacksonException | IllegalArgumentException _) {
      return Optional.empty();
    }
  }
}
