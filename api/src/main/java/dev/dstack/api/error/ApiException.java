package dev.dstack.api.error;

import dev.dstack.model.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** A request is answered with an error. The answer is complete; nobody adds to it. */
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final transient Object detail;

  private ApiException(int status, String message, Object detail) {
    // No stack trace: these are answers, and a flood of bad requests should stay cheap.
    super(message, null, false, false);
    this.status = status;
    this.detail = detail;
  }

  public int status() {
    return status;
  }

  /** The value of `detail` in the envelope. */
  public Object detail() {
    return detail;
  }

  /** 400 with a code, the form that clients print. */
  public static ApiException of(ErrorCode code, String message) {
    return coded(400, code, message);
  }

  public static ApiException badRequest(String message) {
    return of(ErrorCode.ERROR, message);
  }

  public static ApiException missing(String message) {
    return of(ErrorCode.RESOURCE_NOT_EXISTS, message);
  }

  public static ApiException exists(String message) {
    return of(ErrorCode.RESOURCE_EXISTS, message);
  }

  /** A status other than 400, in the same form. */
  public static ApiException coded(int status, ErrorCode code, String message) {
    return new ApiException(status, message, List.of(item(message, code.wire())));
  }

  /** 400 without a code. */
  public static ApiException uncoded(String message) {
    return new ApiException(400, message, List.of(item(message, null)));
  }

  public static ApiException unknownProject() {
    return new ApiException(404, "Not found", item("Not found", null));
  }

  public static ApiException forbidden(String message) {
    return new ApiException(403, message, item(message, null));
  }

  public static ApiException forbidden() {
    return forbidden("Access denied");
  }

  public static ApiException invalidToken() {
    return forbidden("Invalid token");
  }

  public static ApiException notAuthenticated() {
    return new ApiException(401, "Not authenticated", "Not authenticated");
  }

  public static ApiException noSuchPath() {
    return new ApiException(404, "Not Found", "Not Found");
  }

  public static ApiException methodNotAllowed() {
    return new ApiException(405, "Method Not Allowed", "Method Not Allowed");
  }

  /** 422 with one item for each problem, written in the order of its map. */
  public static ApiException unprocessable(List<Map<String, Object>> items) {
    List<ObjectNode> ordered = new ArrayList<>();
    for (Map<String, Object> item : items) {
      ObjectNode node = JsonNodeFactory.instance.objectNode();
      item.forEach((name, value) -> node.set(name, Json.tree(value)));
      ordered.add(node);
    }
    return new ApiException(422, "The request is not valid", List.copyOf(ordered));
  }

  private static ObjectNode item(String message, @Nullable String code) {
    return JsonNodeFactory.instance.objectNode().put("msg", message).put("code", code);
  }
}
