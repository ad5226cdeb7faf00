/** Volumes and the bodies of the volume endpoints. */
@NullMarked
package dev.dstack.model.wire.volume;

import org.jspecify.annotations.NullMarked;
