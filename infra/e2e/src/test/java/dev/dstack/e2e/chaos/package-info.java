/**
 * Every part killed in every phase of a run: the run ends as it should, once, with all of its
 * output.
 */
@NullMarked
package dev.dstack.e2e.chaos;

import org.jspecify.annotations.NullMarked;
