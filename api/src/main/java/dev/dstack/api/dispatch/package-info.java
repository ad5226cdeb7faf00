/**
 * Starts the workflow of each accepted run and fleet, and delivers stops and updates; nothing is
 * lost while Temporal is away.
 */
@NullMarked
package dev.dstack.api.dispatch;

import org.jspecify.annotations.NullMarked;
