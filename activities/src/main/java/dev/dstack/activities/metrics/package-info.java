/** Collects what jobs use while they are watched, and forgets what is too old. */
@NullMarked
package dev.dstack.activities.metrics;

import org.jspecify.annotations.NullMarked;
