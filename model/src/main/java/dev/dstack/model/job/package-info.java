/** Job statuses, termination reasons and what a job needs to be executed. */
@NullMarked
package dev.dstack.model.job;

import org.jspecify.annotations.NullMarked;
