/** Prices and shapes of providers for the backends, and what brings them up to date. */
@NullMarked
package dev.dstack.activities.catalog;

import org.jspecify.annotations.NullMarked;
