package dev.dstack.model.json;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One problem of a JSON document, an item of a 422 response. The offending input is left out on
 * purpose: it may be a secret.
 *
 * @param loc names and indexes from the root to the place
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record FieldError(
    String type, List<Object> loc, String msg, @Nullable Map<String, String> ctx) {
  public FieldError {
    loc = List.copyOf(loc);
    ctx = ctx == null ? null : Map.copyOf(ctx);
  }

  static FieldError of(String type, List<Object> loc, String msg) {
    return new FieldError(type, loc, msg, null);
  }

  /** The same problem seen from further outside. */
  public FieldError under(Object... outer) {
    List<Object> path = new ArrayList<>(List.of(outer));
    path.addAll(loc);
    return new FieldError(type, path, msg, ctx);
  }

  /** {@code configuration.ports.0: …}, for a terminal. */
  public String pretty() {
    if (loc.isEmpty()) {
      return msg;
    }
    return String.join(".", loc.stream().map(String::valueOf).toList()) + ": " + msg;
  }
}
