/**
 * The implementations of the workflows' ports: calls to host agents and providers, projections,
 * signals. Nothing of ours imports this module but the composition root.
 */
@NullMarked
package dev.dstack.activities;

import org.jspecify.annotations.NullMarked;
