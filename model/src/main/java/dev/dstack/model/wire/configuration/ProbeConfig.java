package dev.dstack.model.wire.configuration;

import dev.dstack.model.json.Checks;
import dev.dstack.model.json.Default;
import dev.dstack.model.json.Frozen;
import dev.dstack.model.json.Literal;
import java.util.List;
import org.jspecify.annotations.Nullable;

@Literal(property = "type", value = "http", required = true)
public record ProbeConfig(
    @Nullable String url,
    @Nullable HttpMethod method,
    @Default("[]") List<HttpHeaderSpec> headers,
    @Nullable String body,
    @Nullable Seconds timeout,
    @Nullable Seconds interval,
    @Nullable Integer readyAfter,
    @Nullable Boolean untilReady) {
  public ProbeConfig {
    headers = Frozen.list(headers);
    Checks.size("headers", headers, 0, 16);
    Checks.length("body", body, 1, 2048);
    Checks.length("url", url, 0, 2048);
    Checks.holds(url == null || url.startsWith("/"), "url", "it starts with a slash");
    Checks.holds(
        url == null || url.chars().noneMatch(Character::isISOControl), "url", "it is printable");
    Checks.holds(timeout == null || timeout.value() >= 1, "timeout", "it is at least 1s");
    Checks.holds(interval == null || interval.value() >= 1, "interval", "it is at least 1s");
    Checks.atLeast("ready_after", readyAfter, 1);
    boolean noBody = method == HttpMethod.GET || method == HttpMethod.HEAD;
    Checks.holds(body == null || !noBody, "body", "a request of this method has none");
  }
}
