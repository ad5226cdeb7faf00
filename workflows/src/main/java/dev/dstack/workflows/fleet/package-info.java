/**
 * The life of a fleet: the only writer of claims on its instances, and the only place where
 * placement is decided.
 */
@NullMarked
package dev.dstack.workflows.fleet;

import org.jspecify.annotations.NullMarked;
