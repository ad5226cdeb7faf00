package dev.dstack.server;

import dev.dstack.activities.catalog.CatalogRefresh;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** When and from where prices are brought up to date, by environment variables. */
final class CatalogSettings {
  private static final String EVERY = "DSTACK_CATALOG_REFRESH";
  private static final String URL = "DSTACK_CATALOG_AWS_URL";
  private static final Pattern PERIOD = Pattern.compile("([1-9][0-9]{0,4})([hd])");

  private CatalogSettings() {}

  static CatalogRefresh of(Map<String, String> env) {
    return new CatalogRefresh(url(env.get(URL)), every(env.get(EVERY)));
  }

  private static @Nullable Duration every(@Nullable String text) {
    if (text == null || text.isBlank()) {
      return CatalogRefresh.STANDARD.every();
    }
    if (text.strip().equals("off")) {
      return null;
    }
    Matcher period = PERIOD.matcher(text.strip());
    if (!period.matches()) {
      throw new StartupException(
          EVERY + " is \"" + text + "\"; it must be off, or hours or days such as 12h or 7d.");
    }
    long count = Long.parseLong(period.group(1));
    return period.group(2).equals("h") ? Duration.ofHours(count) : Duration.ofDays(count);
  }

  private static URI url(@Nullable String text) {
    if (text == null || text.isBlank()) {
      return CatalogRefresh.STANDARD.awsUrl();
    }
    try {
      URI url = new URI(text.strip());
      if (url.getHost() != null
          && ("http".equals(url.getScheme()) || "https".equals(url.getScheme()))) {
        return url;
      }
    } catch (URISyntaxException e) {
      throw new StartupException(URL + " is \"" + text + "\"; it must be a URL.");
    }
    throw new StartupException(
        URL + " is \"" + text + "\"; it must begin with http:// or https:// and a host.");
  }
}
