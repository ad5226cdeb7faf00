/**
 * The parts a server brings along when none are given to it: PostgreSQL, the official Temporal
 * server and its Web UI, as supervised child processes under the server's directory. Knows nothing
 * of Spring or of the other modules. Everything listens on loopback only.
 */
@NullMarked
package dev.dstack.embedded;

import org.jspecify.annotations.NullMarked;
