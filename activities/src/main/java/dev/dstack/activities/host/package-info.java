/**
 * Calls to host agents: over HTTP, or to those that a backend simulates; which one an instance has.
 */
@NullMarked
package dev.dstack.activities.host;

import org.jspecify.annotations.NullMarked;
