/**
 * The backend {@code local}: this machine, with a host agent that outlives the server. Imports spi,
 * model and what the agent knows about a host.
 */
@NullMarked
package dev.dstack.backends.local;

import org.jspecify.annotations.NullMarked;
