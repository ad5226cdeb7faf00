/** Log events and how they are polled. */
@NullMarked
package dev.dstack.model.wire.log;

import org.jspecify.annotations.NullMarked;
