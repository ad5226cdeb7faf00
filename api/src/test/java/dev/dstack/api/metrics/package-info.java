/** Tests of the shapes of metrics. */
@NullMarked
package dev.dstack.api.metrics;

import org.jspecify.annotations.NullMarked;
