/**
 * A way into a running job through the system's OpenSSH client: hosts in {@code
 * ~/.dstack/ssh/config}, one control connection that forwards the ports, and the job's live output
 * over it. Paths, names and the command line of {@code ssh} are those of dstack's own client, so
 * the two find each other's connections.
 */
@NullMarked
package dev.dstack.cli.attach;

import org.jspecify.annotations.NullMarked;
