/** Requested resources: ranges, sizes, cpu, gpu and disk. */
@NullMarked
package dev.dstack.model.wire.resources;

import org.jspecify.annotations.NullMarked;
