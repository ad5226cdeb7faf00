/** Tests against real parts: PostgreSQL, the host agent as a process, HTTP. */
@NullMarked
package dev.dstack.activities.signal;

import org.jspecify.annotations.NullMarked;
