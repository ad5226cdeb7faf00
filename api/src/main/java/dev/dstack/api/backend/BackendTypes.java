package dev.dstack.api.backend;

import java.util.Optional;
import java.util.SortedSet;
import tools.jackson.databind.JsonNode;

/** The backends that this server has; the composition root knows them. */
public interface BackendTypes {
  /** Names as in {@code type} of config.yml. */
  SortedSet<String> names();

  /**
   * Empty: the entry can be used. Otherwise why not, naming the field, in words for its writer.
   *
   * @param config the entry with its {@code type}
   */
  Optional<String> problem(String type, JsonNode config);
}
