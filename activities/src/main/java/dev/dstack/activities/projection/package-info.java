/** Writes what workflows show of themselves; the only caller of the database's writer of views. */
@NullMarked
package dev.dstack.activities.projection;

import org.jspecify.annotations.NullMarked;
