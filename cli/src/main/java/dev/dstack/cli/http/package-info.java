/**
 * The server's HTTP API over plain sockets. {@code java.net.http} is a fine client that takes 70 to
 * 300 ms of processor time to send its first request, a command with one request has no use for
 * that.
 */
@NullMarked
package dev.dstack.cli.http;

import org.jspecify.annotations.NullMarked;
