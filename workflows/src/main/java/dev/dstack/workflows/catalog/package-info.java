/** Brings the prices that are known of a provider up to date, started by a schedule. */
@NullMarked
package dev.dstack.workflows.catalog;

import org.jspecify.annotations.NullMarked;
