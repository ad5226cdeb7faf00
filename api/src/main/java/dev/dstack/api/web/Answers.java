package dev.dstack.api.web;

import dev.dstack.model.json.Json;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Writes answers. */
public final class Answers {
  private Answers() {}

  public static void json(HttpServletResponse response, int status, @Nullable Object value)
      throws IOException {
    bytes(response, status, "application/json", Json.lenient().writeValueAsBytes(value));
  }

  public static void bytes(
      HttpServletResponse response, int status, String contentType, byte[] body)
      throws IOException {
    response.setStatus(status);
    response.setContentType(contentType);
    response.setContentLength(body.length);
    response.getOutputStream().write(body);
  }
}
