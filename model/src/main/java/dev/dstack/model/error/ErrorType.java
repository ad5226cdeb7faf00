package dev.dstack.model.error;

/** Who can do something about an error. */
public enum ErrorType {
  /** The person who asked. */
  USER,
  /** Nobody at the moment: there is not enough of something. */
  CAPACITY,
  /** The operator: a part outside of this process failed. */
  EXTERNAL,
  /** The developers. */
  INTERNAL
}
