/** A task's output as log frames over the raw bytes it wrote. */
@NullMarked
package dev.dstack.agent.log;

import org.jspecify.annotations.NullMarked;
