package dev.dstack.model.wire.run;

import dev.dstack.model.json.Frozen;
import java.util.Map;
import org.jspecify.annotations.Nullable;

public record AppSpec(
    int port,
    @Nullable Integer mapToPort,
    String appName,
    @Nullable String urlPath,
    @Nullable Map<String, String> urlQueryParams) {
  public AppSpec {
    urlQueryParams = Frozen.mapOrNull(urlQueryParams);
  }
}
