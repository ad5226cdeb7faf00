/**
 * The first process of a task's container: prepares files and the repository, runs the command and
 * tells by files in the io directory how it went. It needs nothing of the image and lives on when
 * the agent dies.
 */
@NullMarked
package dev.dstack.agent.runner;

import org.jspecify.annotations.NullMarked;
