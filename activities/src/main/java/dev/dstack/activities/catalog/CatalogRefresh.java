package dev.dstack.activities.catalog;

import java.net.URI;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How prices are brought up to date.
 *
 * @param awsUrl where AWS's public price list is, without a path
 * @param every absent: never
 */
public record CatalogRefresh(URI awsUrl, @Nullable Duration every) {
  public static final CatalogRefresh STANDARD =
      new CatalogRefresh(URI.create("https://pricing.us-east-1.amazonaws.com"), Duration.ofDays(7));
}
