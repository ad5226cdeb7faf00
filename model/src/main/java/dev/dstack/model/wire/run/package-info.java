/** Runs, plans and jobs as clients see them, and the bodies of the run endpoints. */
@NullMarked
package dev.dstack.model.wire.run;

import org.jspecify.annotations.NullMarked;
