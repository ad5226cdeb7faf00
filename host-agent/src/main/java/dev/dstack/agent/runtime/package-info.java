/**
 * The Java runtime that the agent carries along: with a loader and libraries of its own, so that it
 * runs in images that have none.
 */
@NullMarked
package dev.dstack.agent.runtime;

import org.jspecify.annotations.NullMarked;
