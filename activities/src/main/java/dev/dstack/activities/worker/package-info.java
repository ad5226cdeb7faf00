/** Registers workflows and activities on their task queues, with the limits of each. */
@NullMarked
package dev.dstack.activities.worker;

import org.jspecify.annotations.NullMarked;
