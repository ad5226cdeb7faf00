/**
 * What activities share: heartbeats from a ticker, pauses that can be interrupted, calls to
 * workflows.
 */
@NullMarked
package dev.dstack.activities.support;

import org.jspecify.annotations.NullMarked;
