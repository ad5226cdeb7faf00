/** The user's files on their way to where a task finds them; used by the agent and the runner. */
@NullMarked
package dev.dstack.agent.files;

import org.jspecify.annotations.NullMarked;
