/**
 * Tasks of this host: prepare, start once, follow, stop, recover. How a task is executed, as
 * processes of the host or in a container, is an {@link dev.dstack.agent.task.Execution};
 * everything else about it is the same.
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
 * In a container the part of the shells is the runner's, by the same files. A container is named
 * after its task, so that making it twice makes one; it is removed before EXITED is announced; and
 * nothing that the task has put into its io directory is followed, opened or believed further than
 * it concerns the task itself. Spans of time are measured with the host's uptime and not with its
 * clock.
 *
 * <p>What a host process is kept apart by: a directory of its own that only its user may enter, a
 * session of its own, an environment of its own. Not by more: tasks of the same user can read each
 * other's files and memory, see the network, and use as much cpu, memory and disk as there is.
 * Tasks of different users can't read each other's files, nor the agent's.
 */
@NullMarked
package dev.dstack.agent.task;

import org.jspecify.annotations.NullMarked;
