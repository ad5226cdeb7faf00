/**
 * Prices and shapes of providers: the snapshot that comes with this version, and newer ones, in the
 * database.
 */
@NullMarked
package dev.dstack.db.catalog;

import org.jspecify.annotations.NullMarked;
