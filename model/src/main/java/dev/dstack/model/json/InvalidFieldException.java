package dev.dstack.model.json;

/** A shape refuses the value of one of its fields; the constructor of the shape throws it. */
public final class InvalidFieldException extends IllegalArgumentException {
  private final String field;

  /**
   * @param field the field's name on the wire
   */
  public InvalidFieldException(String field, String message) {
    super(message);
    this.field = field;
  }

  public String field() {
    return field;
  }
}
