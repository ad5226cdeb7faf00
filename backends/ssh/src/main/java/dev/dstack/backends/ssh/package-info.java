/**
 * Hosts that are reached over SSH: one multiplexed connection to each, the host agent installed,
 * upgraded and removed through it, and tunnels to that agent. Knows nothing of Temporal, Spring or
 * the database.
 */
@NullMarked
package dev.dstack.backends.ssh;

import org.jspecify.annotations.NullMarked;
