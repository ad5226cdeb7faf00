package dev.dstack.model.wire.run;

import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import dev.dstack.model.wire.configuration.HttpHeaderSpec;
import dev.dstack.model.wire.configuration.HttpMethod;
import java.util.List;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "http", required = true)
public record ProbeSpec(
    String url,
    @Default("'get'") HttpMethod method,
    @Default("[]") List<HttpHeaderSpec> headers,
    @Nullable String body,
    int timeout,
    int interval,
    int readyAfter,
    @Default("false") boolean untilReady) {
  public ProbeSpec {
    headers = Frozen.list(headers);
  }
}
