/** Sharing of fleets and gateways between projects. */
@NullMarked
package dev.dstack.model.wire.export;

import org.jspecify.annotations.NullMarked;
