/** Volumes: made, listed, deleted, and what they mean for where a run can be. */
@NullMarked
package dev.dstack.api.volume;

import org.jspecify.annotations.NullMarked;
