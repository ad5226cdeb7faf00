/** Amounts of cpu, memory, disk and accelerators. */
@NullMarked
package dev.dstack.model.resources;

import org.jspecify.annotations.NullMarked;
