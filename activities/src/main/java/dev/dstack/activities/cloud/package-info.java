/** Calls to providers of machines, and the backends that projects have configured. */
@NullMarked
package dev.dstack.activities.cloud;

import org.jspecify.annotations.NullMarked;
