/** Samples of jobs. */
@NullMarked
package dev.dstack.model.wire.metric;

import org.jspecify.annotations.NullMarked;
