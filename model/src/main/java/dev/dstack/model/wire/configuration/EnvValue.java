package dev.dstack.model.wire.configuration;

/** The value of a variable. */
public sealed interface EnvValue {
  record Text(String value) implements EnvValue {
    @Override
    public String toString() {
      return "***";
    }
  }

  /** To be taken from the environment of the person who applies. */
  record FromCaller(String key) implements EnvValue {}
}
