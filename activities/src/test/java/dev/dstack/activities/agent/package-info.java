/** Tests against real parts: PostgreSQL, the host agent as a process, HTTP. */
@NullMarked
package dev.dstack.activities.agent;

import org.jspecify.annotations.NullMarked;
