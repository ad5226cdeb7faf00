package dev.dstack.backends.scripted;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.model.offer.BackendType;
import java.util.Map;

/** Found by ServiceLoader. */
public final class ScriptedBackendFactory implements BackendFactory {
  @Override
  public BackendType type() {
    return BackendType.SCRIPTED;
  }

  @Override
  public ComputeBackend create(BackendContext context, Map<String, Object> config) {
    return new ScriptedBackend(context, ScriptedConfig.parse(config));
  }
}
