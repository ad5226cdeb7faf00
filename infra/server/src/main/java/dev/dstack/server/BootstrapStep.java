package dev.dstack.server;

import dev.dstack.api.bootstrap.Bootstrap;
import dev.dstack.api.config.ServerConfig;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;

/**
 * Runs the bootstrap before the port opens, so that the first request already finds admin and
 * projects.
 */
final class BootstrapStep implements SmartLifecycle {
  private final Supplier<Bootstrap> bootstrap;
  private final @Nullable String adminToken;
  private final ServerConfig config;
  private volatile Bootstrap.@Nullable Result result;

  BootstrapStep(Supplier<Bootstrap> bootstrap, @Nullable String adminToken, ServerConfig config) {
    this.bootstrap = bootstrap;
    this.adminToken = adminToken;
    this.config = config;
  }

  Bootstrap.Result result() {
    return Objects.requireNonNull(result, "the context has started");
  }

  /** The web server's own is far above. */
  @Override
  public int getPhase() {
    return 0;
  }

  @Override
  public void start() {
    result = bootstrap.get().run(adminToken, config);
  }

  @Override
  public void stop() {}

  @Override
  public boolean isRunning() {
    return result != null;
  }
}
