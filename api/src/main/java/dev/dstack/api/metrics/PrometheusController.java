package dev.dstack.api.metrics;

import dev.dstack.api.error.ApiException;
import dev.dstack.api.web.Raw;
import jakarta.servlet.http.HttpServletRequest;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Served to anybody unless there is a token, which is no user's: scrapers have their own. */
@RestController
public final class PrometheusController {
  private static final String SCHEME = "bearer ";

  private final PrometheusSettings settings;
  private final PrometheusPage page;

  public PrometheusController(PrometheusSettings settings, PrometheusPage page) {
    this.settings = settings;
    this.page = page;
  }

  @GetMapping("/metrics")
  public Object metrics(HttpServletRequest request) {
    String token = settings.token();
    if (token != null && !shows(request.getHeader("Authorization"), token)) {
      throw ApiException.forbidden();
    }
    if (!settings.enabled()) {
      throw ApiException.unknownProject();
    }
    return new Raw(
        "text/plain; version=0.0.4; charset=utf-8", page.text().getBytes(StandardCharsets.UTF_8));
  }

  private static boolean shows(@Nullable String header, String token) {
    return header != null
        && header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
        && MessageDigest.isEqual(
            header.substring(SCHEME.length()).strip().getBytes(StandardCharsets.UTF_8),
            token.getBytes(StandardCharsets.UTF_8));
  }
}
