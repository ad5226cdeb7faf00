/**
 * The closed list of error kinds; retry policy, HTTP status and responsibility follow from the
 * kind.
 */
@NullMarked
package dev.dstack.model.error;

import org.jspecify.annotations.NullMarked;
