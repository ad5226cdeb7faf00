/**
 * Registration of workflows and activities with Temporal: queues, limits, metrics, kinds of
 * failure.
 */
@NullMarked
package dev.dstack.activities.worker;

import org.jspecify.annotations.NullMarked;
