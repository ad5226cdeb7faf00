/** Tests against real parts: PostgreSQL, the host agent as a process, HTTP. */
@NullMarked
package dev.dstack.activities.cloud;

import org.jspecify.annotations.NullMarked;
