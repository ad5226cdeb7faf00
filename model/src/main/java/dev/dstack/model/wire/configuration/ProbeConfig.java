package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import java.util.List;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "http", required = true)
public record ProbeConfig(
    @Nullable String url,
    @Nullable String method,
    @Default("[]") List<HttpHeaderSpec> headers,
    @Nullable String body,
    @Nullable Seconds timeout,
    @Nullable Seconds interval,
    @Nullable Integer readyAfter,
    @Nullable Boolean untilReady) {
  public ProbeConfig {
    headers = Frozen.list(headers);
  }
}
