/**
 * @@ faults, user actions and capacity, invariants after each step, no Temporal and no waiting.
 */
@NullMarked
package dev.dstack.workflows.simulation;

import org.jspecify.annotations.NullMarked;
