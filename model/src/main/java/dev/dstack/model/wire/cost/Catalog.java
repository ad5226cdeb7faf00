package dev.dstack.model.wire.cost;

import java.time.Instant;

/**
 * Where prices and shapes of one provider come from.
 *
 * @param asOf the day of its prices
 * @param rowCount offers that are listed in it
 */
public record Catalog(String provider, String version, String source, Instant asOf, int rowCount) {}
