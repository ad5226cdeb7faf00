package dev.dstack.backends.local;

import dev.dstack.backends.BackendContext;
import dev.dstack.backends.BackendFactory;
import dev.dstack.backends.ComputeBackend;
import dev.dstack.model.offer.BackendType;
import java.util.Map;

/** Found by ServiceLoader. */
public final class LocalBackendFactory implements BackendFactory {
  @Override
  public BackendType type() {
    return BackendType.LOCAL;
  }

  @Override
  public ComputeBackend create(BackendContext context, Map<String, Object> config) {
    LocalConfig parsed = LocalConfig.parse(config);
    return new LocalBackend(
        context,
        parsed,
        new AgentDaemon(
            context.serverDir(), parsed.user(), parsed.docker(), parsed.registryMirror()));
  }
}
