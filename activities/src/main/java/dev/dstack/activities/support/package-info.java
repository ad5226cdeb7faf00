/** What long activities share: heartbeats from a ticker, pauses that can be interrupted. */
@NullMarked
package dev.dstack.activities.support;

import org.jspecify.annotations.NullMarked;
