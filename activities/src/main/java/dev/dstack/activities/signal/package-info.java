/** Carries what one workflow tells another, and asks the engine about workflows. */
@NullMarked
package dev.dstack.activities.signal;

import org.jspecify.annotations.NullMarked;
