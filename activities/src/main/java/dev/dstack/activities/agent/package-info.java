/**
 * Calls to host agents: how to find the one of an instance, what to send it, how to watch a task.
 */
@NullMarked
package dev.dstack.activities.agent;

import org.jspecify.annotations.NullMarked;
