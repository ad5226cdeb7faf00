/**
 * The log of a task while it is being written, as a WebSocket for a client that is attached. It is
 * reached through the task's SSH server only and has no port.
 */
@NullMarked
package dev.dstack.agent.live;

import org.jspecify.annotations.NullMarked;
