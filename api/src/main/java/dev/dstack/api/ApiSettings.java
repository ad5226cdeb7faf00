package dev.dstack.api;

import dev.dstack.api.auth.DefaultPermissions;
import dev.dstack.api.config.Limits;
import dev.dstack.model.config.ContainerDefaults;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the API is told from outside.
 *
 * @param port 0 takes a free one
 * @param version of this software, for the front page
 * @param temporalUiUrl gives null as long as nobody knows where the Temporal Web UI is
 */
public record ApiSettings(
    String host,
    int port,
    String version,
    DefaultPermissions permissions,
    Limits limits,
    Supplier<@Nullable String> temporalUiUrl,
    ContainerDefaults containers) {
  /** With dstack's own images. */
  public ApiSettings(
      String host,
      int port,
      String version,
      DefaultPermissions permissions,
      Limits limits,
      Supplier<@Nullable String> temporalUiUrl) {
    this(host, port, version, permissions, limits, temporalUiUrl, ContainerDefaults.STANDARD);
  }
}
