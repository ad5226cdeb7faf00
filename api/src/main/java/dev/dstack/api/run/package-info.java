/** Runs: plan, apply, get, list, stop, delete; and what a specification means to its workflow. */
@NullMarked
package dev.dstack.api.run;

import org.jspecify.annotations.NullMarked;
