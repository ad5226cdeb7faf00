/**
 * The server's copy of the logs of jobs. Workers write it, the API reads it; a position in the copy
 * is the same position in the host's original, so a piece written twice is the same piece.
 */
@NullMarked
package dev.dstack.db.log;

import org.jspecify.annotations.NullMarked;
