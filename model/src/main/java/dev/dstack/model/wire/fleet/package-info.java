/** Fleets and the bodies of the fleet endpoints. */
@NullMarked
package dev.dstack.model.wire.fleet;

import org.jspecify.annotations.NullMarked;
