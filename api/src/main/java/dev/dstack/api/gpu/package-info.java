/** Accelerators and processors on offer, grouped. */
@NullMarked
package dev.dstack.api.gpu;

import org.jspecify.annotations.NullMarked;
