/**
 * Rules about the repository itself: which module may use which, and what every file must have.
 * Nothing is started here.
 */
@NullMarked
package dev.dstack.e2e.structure;

import org.jspecify.annotations.NullMarked;
