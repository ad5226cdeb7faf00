/**
 * The life of a run: wait for capacity, start jobs, retry, stop, end. Signals come in, signals and
 * projections go out.
 */
@NullMarked
package dev.dstack.workflows.run;

import org.jspecify.annotations.NullMarked;
