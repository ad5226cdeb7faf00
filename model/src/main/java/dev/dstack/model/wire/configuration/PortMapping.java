package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.InvalidFieldException;
import dev.dstack.model.json.Shorthand;
import dev.dstack.model.json.Trees;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A port of the container and the one it gets on the client's machine, also written {@code 8080},
 * {@code 80:8080} or {@code *:8080}.
 *
 * @param localPort absent: any free one
 */
public record PortMapping(@Nullable Integer localPort, int containerPort) {
  private static final Pattern TEXT = Pattern.compile("(?:(\\d{1,9}|\\*):)?(\\d{1,9})");

  public PortMapping {
    check("local_port", localPort);
    check("container_port", containerPort);
  }

  private static void check(String field, @Nullable Integer port) {
    if (port != null && (port < 1 || port > 65_535)) {
      throw new InvalidFieldException(field, "a port is a number from 1 to 65535, not " + port);
    }
  }

  public static PortMapping of(int port) {
    return new PortMapping(port, port);
  }

  @Shorthand
  static JsonNode expand(JsonNode node) {
    if (node.isIntegralNumber()) {
      return Trees.with(Trees.object("local_port", node), "container_port", node);
    }
    if (!node.isString()) {
      return node;
    }
    PortMapping parsed = parse(node.stringValue());
    return Trees.with(
        Trees.object(
            "local_port",
            parsed.localPort == null ? null : Trees.text(parsed.localPort.toString())),
        "container_port",
        Trees.text(Integer.toString(parsed.containerPort)));
  }

  public static PortMapping parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "not a port: '" + text + "'; write 8080, 80:8080 or *:8080");
    }
    int container = Integer.parseInt(matcher.group(2));
    String local = matcher.group(1);
    if (local == null) {
      return of(container);
    }
    return new PortMapping(local.equals("*") ? null : Integer.valueOf(local), container);
  }

  /** What a client forwards: {@code 8080}, {@code 80:8080} or {@code *:8080}. */
  @Override
  public String toString() {
    if (localPort == null) {
      return "*:" + containerPort;
    }
    return localPort == containerPort ? localPort.toString() : localPort + ":" + containerPort;
  }
}
