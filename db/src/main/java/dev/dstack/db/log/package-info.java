/**
 * The server's copy of what jobs print. A log is a sequence of frames with an offset, the same
 * bytes as on the host, so that copying a piece twice is copying it once.
 */
@NullMarked
package dev.dstack.db.log;

import org.jspecify.annotations.NullMarked;
