/**
 * Tasks of this host: unpack, start once, follow, stop, recover.
 *
 * <p>Invariants:
 *
 * <ul>
 *   <li>A command runs at most once: only who creates the file {@code started} may run it.
 *   <li>The agent decides by what a task's own shells have left on the disk, never by having seen
 *       it; so it does not matter when it was dead.
 *   <li>Output goes from the task through its own collector into a file, never through the agent.
 *   <li>EXITED is announced when no process of the task is left and its log is complete.
 *   <li>Neither command nor environment stay on the disk once the task runs.
 * </ul>
 *
 * What a host process is kept apart by: a directory of its own that only its user may enter, a
 * session of its own, an environment of its own. Not by more: tasks of the same user can read each
 * other's files and memory, see the network, and use as much cpu, memory and disk as there is.
 * Tasks of different users can't read each other's files, nor the agent's.
 */
@NullMarked
package dev.dstack.agent.task;

import org.jspecify.annotations.NullMarked;
