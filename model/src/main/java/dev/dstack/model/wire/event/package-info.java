/** The audit events and their filter. */
@NullMarked
package dev.dstack.model.wire.event;

import org.jspecify.annotations.NullMarked;
