package dev.dstack.backends;

import dev.dstack.model.offer.BackendType;
import java.util.Map;

/**
 * Makes one provider's backend from its entry in a project's configuration. Found by {@link
 * java.util.ServiceLoader}.
 */
public interface BackendFactory {
  BackendType type();

  /**
   * @param config the entry of config.yml or of the API, without {@code type}, as plain maps, lists
   *     and scalars
   * @throws dev.dstack.model.error.DstackException INVALID_SPEC naming the field
   */
  ComputeBackend create(BackendContext context, Map<String, Object> config);
}
