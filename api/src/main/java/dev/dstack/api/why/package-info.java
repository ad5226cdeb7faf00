/** Why a run is where it is: what was tried, what it waits for. */
@NullMarked
package dev.dstack.api.why;

import org.jspecify.annotations.NullMarked;
