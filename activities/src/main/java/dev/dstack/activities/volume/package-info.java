/** Attaching volumes, for backends that have them. */
@NullMarked
package dev.dstack.activities.volume;

import org.jspecify.annotations.NullMarked;
