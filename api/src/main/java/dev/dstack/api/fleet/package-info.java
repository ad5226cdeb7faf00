/** Fleets as shown, and as offers for a plan. */
@NullMarked
package dev.dstack.api.fleet;

import org.jspecify.annotations.NullMarked;
