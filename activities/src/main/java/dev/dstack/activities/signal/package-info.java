/** Carries signals from one workflow to another, and asks the engine which have ended. */
@NullMarked
package dev.dstack.activities.signal;

import org.jspecify.annotations.NullMarked;
