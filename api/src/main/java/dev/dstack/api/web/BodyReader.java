package dev.dstack.api.web;

import dev.dstack.api.error.ApiException;
import dev.dstack.api.error.ErrorCode;
import dev.dstack.model.json.FieldError;
import dev.dstack.model.json.Json;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.web.bind.support.WebDataBinderFactory;
import org.springframework.web.context.request.NativeWebRequest;
import org.springframework.web.method.support.HandlerMethodArgumentResolver;
import org.springframework.web.method.support.ModelAndViewContainer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/** Reads bodies strictly and tells all of their problems in one answer. */
public final class BodyReader implements HandlerMethodArgumentResolver {
  /** Bodies are configurations and lists of names; archives are uploaded elsewhere. */
  public static final int LIMIT_BYTES = 4 << 20;

  /** An answer names this many problems; the rest follows when these are mended. */
  private static final int PROBLEMS_MAX = 50;

  /** A problem shows the input it is about up to this size. */
  private static final int INPUT_CHARS_MAX = 2_000;

  private final Map<Type, ObjectReader> readers = new ConcurrentHashMap<>();

  @Override
  public boolean supportsParameter(MethodParameter parameter) {
    return parameter.hasParameterAnnotation(Body.class);
  }

  @Override
  public @Nullable Object resolveArgument(
      MethodParameter parameter,
      @Nullable ModelAndViewContainer container,
      NativeWebRequest webRequest,
      @Nullable WebDataBinderFactory binders)
      throws IOException {
    HttpServletRequest request = webRequest.getNativeRequest(HttpServletRequest.class);
    Body body = parameter.getParameterAnnotation(Body.class);
    if (request == null || body == null) {
      throw new IllegalStateException("not a servlet request");
    }
    return read(bytes(request), parameter.getGenericParameterType(), body.optional());
  }

  /** Empty when the request has no body. */
  static byte[] bytes(HttpServletRequest request) throws IOException {
    if (request.getContentLengthLong() > LIMIT_BYTES) {
      throw tooLarge();
    }
    byte[] body = request.getInputStream().readNBytes(LIMIT_BYTES + 1);
    if (body.length > LIMIT_BYTES) {
      throw tooLarge();
    }
    return body;
  }

  private static ApiException tooLarge() {
    return ApiException.coded(
        413,
        ErrorCode.ERROR,
        "The request body is larger than " + (LIMIT_BYTES >> 20) + " MiB, the limit of this API");
  }

  private @Nullable Object read(byte[] body, Type type, boolean optional) {
    JsonNode tree = body.length == 0 ? MissingNode.getInstance() : tree(body);
    if (tree.isMissingNode() || tree.isNull()) {
      if (optional) {
        return null;
      }
      Map<String, Object> item = new LinkedHashMap<>();
      item.put("type", "missing");
      item.put("loc", List.of("body"));
      item.put("msg", "Field required");
      item.put("input", null);
      throw ApiException.unprocessable(List.of(item));
    }
    ObjectReader reader = readers.computeIfAbsent(type, BodyReader::readerFor);
    try {
      return reader.readValue(tree);
    } catch (JacksonException | IllegalArgumentException | ArithmeticException e) {
      throw refused(tree, Json.errors(e));
    }
  }

  private static ObjectReader readerFor(Type type) {
    JavaType javaType = Json.strict().constructType(type);
    return Json.strict().readerFor(javaType);
  }

  private static JsonNode tree(byte[] body) {
    JsonNode tree;
    try {
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .decode(ByteBuffer.wrap(body));
      tree = Json.strict().readTree(body);
    } catch (CharacterCodingException e) {
      throw notJson(0, "The body is not valid UTF-8");
    } catch (JacksonException e) {
      long offset = e.getLocation() == null ? 0 : Math.max(0, e.getLocation().getCharOffset());
      throw notJson(Math.max(offset, 0), String.valueOf(e.getOriginalMessage()));
    }
    refuseBadText(body, tree);
    return tree;
  }

  private static ApiException notJson(long offset, String why) {
    Map<String, Object> item = new LinkedHashMap<>();
    item.put("type", "json_invalid");
    item.put("loc", List.of("body", offset));
    item.put("msg", "JSON decode error");
    item.put("input", Map.of());
    item.put("ctx", Map.of("error", why));
    return ApiException.unprocessable(List.of(item));
  }

  /** NUL and halves of surrogate pairs can be written in JSON, but neither stored nor answered. */
  private static void refuseBadText(byte[] body, JsonNode tree) {
    for (int i = 0; i + 1 < body.length; i++) {
      if (body[i] == '\\' && body[i + 1] == 'u') {
        List<Map<String, Object>> items = new ArrayList<>();
        findBadText(tree, new ArrayList<>(List.of("body")), items);
        if (!items.isEmpty()) {
          throw ApiException.unprocessable(items);
        }
        return;
      }
    }
  }

  private static void findBadText(
      JsonNode node, List<Object> path, List<Map<String, Object>> items) {
    if (items.size() >= PROBLEMS_MAX) {
      return;
    }
    if (node.isString() && isBad(node.stringValue())) {
      items.add(badText(path));
    } else if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        path.add(i);
        findBadText(node.get(i), path, items);
        path.removeLast();
      }
    } else if (node instanceof ObjectNode object) {
      for (Map.Entry<String, JsonNode> property : object.properties()) {
        if (isBad(property.getKey())) {
          items.add(badText(path));
        } else {
          path.add(property.getKey());
          findBadText(property.getValue(), path, items);
          path.removeLast();
        }
      }
    }
  }

  private static Map<String, Object> badText(List<Object> path) {
    Map<String, Object> item = new LinkedHashMap<>();
    item.put("type", "value_error");
    item.put("loc", List.copyOf(path));
    item.put("msg", "Text must not contain NUL or half of a surrogate pair");
    item.put("input", null);
    return item;
  }

  private static boolean isBad(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == 0) {
        return true;
      }
      if (Character.isHighSurrogate(c)) {
        if (i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
          return true;
        }
        i++;
      } else if (Character.isLowSurrogate(c)) {
        return true;
      }
    }
    return false;
  }

  /** 422 as the client knows it: with the way from the body and the input that is wrong. */
  private static ApiException refused(JsonNode tree, List<FieldError> errors) {
    List<Map<String, Object>> items = new ArrayList<>();
    for (FieldError error : errors.subList(0, Math.min(errors.size(), PROBLEMS_MAX))) {
      List<Object> loc = new ArrayList<>();
      loc.add("body");
      loc.addAll(error.loc());
      Map<String, Object> item = new LinkedHashMap<>();
      item.put("type", error.type());
      item.put("loc", loc);
      item.put("msg", error.msg());
      item.put("input", input(tree, error));
      if (error.ctx() != null) {
        item.put("ctx", error.ctx());
      }
      items.add(item);
    }
    return ApiException.unprocessable(items);
  }

  private static @Nullable JsonNode input(JsonNode tree, FieldError error) {
    JsonNode node = tree;
    for (Object step : error.loc()) {
      JsonNode next =
          step instanceof Integer index ? node.get(index) : node.get(String.valueOf(step));
      if (next == null) {
        // What is missing is shown by what it is missing from.
        break;
      }
      node = next;
    }
    return node.toString().length() > INPUT_CHARS_MAX ? null : node;
  }
}
