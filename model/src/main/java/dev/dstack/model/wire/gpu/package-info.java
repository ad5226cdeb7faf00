/** Accelerators grouped for listing. */
@NullMarked
package dev.dstack.model.wire.gpu;

import org.jspecify.annotations.NullMarked;
