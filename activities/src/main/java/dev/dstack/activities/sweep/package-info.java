/** Puts in order what workflows can't, because they are no more. */
@NullMarked
package dev.dstack.activities.sweep;

import org.jspecify.annotations.NullMarked;
