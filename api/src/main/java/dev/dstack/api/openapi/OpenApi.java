package dev.dstack.api.openapi;

import static dev.dstack.api.openapi.Schemas.map;

import dev.dstack.api.auth.Permissions;
import dev.dstack.api.auth.Rule;
import dev.dstack.api.web.Body;
import dev.dstack.api.web.Raw;
import dev.dstack.model.json.Json;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.multipart.MultipartFile;
import org.springframework.web.servlet.mvc.method.RequestMappingInfo;

/** The OpenAPI document, made once from the controllers as they are mapped. */
public final class OpenApi {
  private static final Pattern VARIABLE = Pattern.compile("\\{([a-z_]+)}");

  private final Supplier<Map<RequestMappingInfo, HandlerMethod>> mappings;
  private final String version;
  private volatile byte @Nullable [] document;

  public OpenApi(Supplier<Map<RequestMappingInfo, HandlerMethod>> mappings, String version) {
    this.mappings = mappings;
    this.version = version;
  }

  /** UTF-8. */
  public byte[] document() {
    byte[] made = document;
    if (made == null) {
      made = Json.lenient().writeValueAsBytes(make());
      document = made;
    }
    return made;
  }

  private Map<String, Object> make() {
    Schemas schemas = new Schemas();
    Map<String, Object> paths = new TreeMap<>();
    mappings
        .get()
        .forEach(
            (info, handler) -> {
              for (String path : info.getPatternValues()) {
                for (RequestMethod method : info.getMethodsCondition().getMethods()) {
                  if (isPage(handler)) {
                    continue;
                  }
                  paths.put(
                      path,
                      map(
                          method.name().toLowerCase(Locale.ROOT),
                          operation(method.name(), path, handler, schemas)));
                }
              }
            });
    Map<String, Object> components = new LinkedHashMap<>();
    components.put("schemas", schemas.components());
    components.put("securitySchemes", map("token", map("type", "http", "scheme", "bearer")));
    schemas.components().putAll(errorSchemas());
    return map(
        "openapi",
        "3.1.0",
        "info",
        map(
            "title",
            "dstack on Temporal",
            "version",
            version,
            "description",
            "The HTTP API of dstack, in an independent implementation."
                + " Bodies are JSON; unknown fields are refused."),
        "paths",
        paths,
        "components",
        components);
  }

  private static boolean isPage(HandlerMethod handler) {
    return handler.getMethod().getReturnType() == Raw.class;
  }

  private static Map<String, Object> operation(
      String httpMethod, String path, HandlerMethod handler, Schemas schemas) {
    Method method = handler.getMethod();
    Rule rule = Permissions.of(httpMethod, path).orElse(Rule.GLOBAL_ADMIN);
    Map<String, Object> operation = new LinkedHashMap<>();
    operation.put("operationId", (path + "_" + httpMethod).replaceAll("[^a-zA-Z0-9]+", "_"));
    operation.put("summary", summary(path));
    operation.put("tags", List.of(tag(handler)));
    operation.put("description", description(rule));
    List<Object> parameters = new ArrayList<>();
    Matcher variables = VARIABLE.matcher(path);
    while (variables.find()) {
      parameters.add(
          map(
              "name",
              variables.group(1),
              "in",
              "path",
              "required",
              true,
              "schema",
              map("type", "string")));
    }
    for (Parameter parameter : method.getParameters()) {
      Body body = parameter.getAnnotation(Body.class);
      RequestParam query = parameter.getAnnotation(RequestParam.class);
      if (body != null) {
        operation.put(
            "requestBody",
            map(
                "required",
                !body.optional(),
                "content",
                map(
                    "application/json",
                    map("schema", schemas.of(parameter.getParameterizedType())))));
      } else if (query != null && parameter.getType() == MultipartFile.class) {
        operation.put("requestBody", upload());
      } else if (query != null) {
        String name = query.name().isEmpty() ? query.value() : query.name();
        parameters.add(
            map(
                "name",
                name,
                "in",
                "query",
                "required",
                query.required(),
                "schema",
                schemas.of(parameter.getType())));
      }
    }
    if (!parameters.isEmpty()) {
      operation.put("parameters", parameters);
    }
    operation.put("responses", responses(rule, method.getGenericReturnType(), schemas));
    operation.put("security", rule == Rule.ANYONE ? List.of() : List.of(map("token", List.of())));
    return operation;
  }

  private static Map<String, Object> upload() {
    return map(
        "required",
        true,
        "content",
        map(
            "multipart/form-data",
            map(
                "schema",
                map(
                    "type",
                    "object",
                    "properties",
                    map("file", map("type", "string", "format", "binary")),
                    "required",
                    List.of("file")))));
  }

  private static Map<String, Object> responses(Rule rule, Type answer, Schemas schemas) {
    Map<String, Object> responses = new LinkedHashMap<>();
    responses.put(
        "200",
        map(
            "description",
            "Done",
            "content",
            map("application/json", map("schema", schemas.of(answer)))));
    responses.put("400", error("The request can't be fulfilled", "ClientErrors"));
    if (rule != Rule.ANYONE) {
      responses.put("401", error("There is no token", "PlainError"));
      responses.put("403", error("The token or its user may not do this", "AccessError"));
    }
    responses.put("404", error("There is no such project or path", "NotFoundError"));
    responses.put("413", error("The body is too large", "ClientErrors"));
    responses.put("422", error("The body is not valid", "ValidationErrors"));
    responses.put("503", error("A part of the server is down", "ClientErrors"));
    return responses;
  }

  private static Map<String, Object> error(String description, String schema) {
    return map(
        "description",
        description,
        "content",
        map("application/json", map("schema", map("$ref", "#/components/schemas/" + schema))));
  }

  private static Map<String, Object> errorSchemas() {
    Map<String, Object> text = map("type", "string");
    Map<String, Object> coded =
        map(
            "type",
            "object",
            "properties",
            map("msg", text, "code", map("type", List.of("string", "null"))),
            "required",
            List.of("msg", "code"));
    Map<String, Object> problem =
        map(
            "type",
            "object",
            "properties",
            map(
                "type",
                text,
                "loc",
                map("type", "array", "items", map("type", List.of("string", "integer"))),
                "msg",
                text,
                "input",
                map(),
                "ctx",
                map()),
            "required",
            List.of("type", "loc", "msg"));
    Map<String, Object> schemas = new LinkedHashMap<>();
    schemas.put("ClientErrors", detail(map("type", "array", "items", coded)));
    schemas.put("AccessError", detail(coded));
    schemas.put("PlainError", detail(text));
    schemas.put("NotFoundError", detail(map("anyOf", List.of(coded, text))));
    schemas.put("ValidationErrors", detail(map("type", "array", "items", problem)));
    return schemas;
  }

  private static Map<String, Object> detail(Map<String, Object> schema) {
    return map(
        "type", "object", "properties", map("detail", schema), "required", List.of("detail"));
  }

  private static String tag(HandlerMethod handler) {
    String name = handler.getBeanType().getPackageName();
    return name.substring(name.lastIndexOf('.') + 1);
  }

  /** {@code /api/project/{project_name}/runs/get_plan}: Runs: get plan. */
  private static String summary(String path) {
    String[] parts = path.split("/", -1);
    String last = parts[parts.length - 1].replace('_', ' ');
    String noun = parts.length > 2 ? parts[parts.length - 2] : "server";
    if (noun.startsWith("{")) {
      noun = parts[parts.length - 3];
    }
    String words = noun.replace('_', ' ') + ": " + last;
    return Character.toUpperCase(words.charAt(0)) + words.substring(1);
  }

  private static String description(Rule rule) {
    return switch (rule) {
      case ANYONE -> "For everybody.";
      case USER -> "For each active user.";
      case GLOBAL_ADMIN -> "For global admins.";
      case PROJECT_ADMIN -> "For admins of the project.";
      case PROJECT_MANAGER -> "For admins and managers of the project.";
      case PROJECT_MEMBER -> "For members of the project.";
      case MEMBER_OR_PUBLIC -> "For members of the project, and for each user if it is public.";
      case MANAGER_OR_PUBLIC ->
          "For admins and managers of the project; if it is public, users may add themselves.";
      case SECRETS -> "For admins of the project, and for managers where config.yml says so.";
    };
  }
}
