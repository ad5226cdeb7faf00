/**
 * What the system tests stand on: the shipped server, CLI and host agent as processes, HTTP with a
 * record of every exchange, and waiting with a deadline.
 */
@NullMarked
package dev.dstack.e2e.harness;

import org.jspecify.annotations.NullMarked;
