/**
 * The way for people into a task: an SSH server that needs nothing of the image it runs in.
 * Terminals and processes come from the C library by the JDK's foreign functions, files by an SFTP
 * server of its own. It knows {@code live} and nothing else of the agent but {@code host} and the
 * helpers for files; {@code task} and {@code runner} start it.
 */
@NullMarked
package dev.dstack.agent.ssh;

import org.jspecify.annotations.NullMarked;
