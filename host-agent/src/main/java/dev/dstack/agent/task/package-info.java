/** Tasks of this host: unpack, start once, follow, stop, recover. */
@NullMarked
package dev.dstack.agent.task;

import org.jspecify.annotations.NullMarked;
