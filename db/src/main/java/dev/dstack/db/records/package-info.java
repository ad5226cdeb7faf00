/**
 * What people and workers have told us: accepted runs, wishes for fleets, machines, events. One
 * class per noun; each method is one transaction or takes part in the caller's.
 */
@NullMarked
package dev.dstack.db.records;

import org.jspecify.annotations.NullMarked;
