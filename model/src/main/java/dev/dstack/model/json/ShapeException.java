package dev.dstack.model.json;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.exc.MismatchedInputException;

/**
 * A document is JSON but does not have the shape that is asked for; it knows every problem, not
 * just the first.
 */
public final class ShapeException extends MismatchedInputException {
  private static final long serialVersionUID = 1L;
  private final transient List<FieldError> errors;

  ShapeException(@Nullable JsonParser parser, List<FieldError> errors) {
    super(parser, errors.stream().map(FieldError::pretty).collect(Collectors.joining("; ")));
    this.errors = List.copyOf(errors);
  }

  public List<FieldError> errors() {
    return errors;
  }
}
