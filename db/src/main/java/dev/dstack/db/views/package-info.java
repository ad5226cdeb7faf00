/**
 * What workflows show of themselves: one writer used by the workers' projections only, and readers
 * for lists and single things, each with a bounded number of queries.
 */
@NullMarked
package dev.dstack.db.views;

import org.jspecify.annotations.NullMarked;
