package dev.dstack.db.catalog;

import java.time.Instant;

/**
 * One provider's whole list at one time.
 *
 * @param version names it among this provider's snapshots
 * @param source where it was read, in words
 * @param asOf the day of its prices; the latest one holds
 */
public record CatalogSnapshot(String provider, String version, String source, Instant asOf) {}
