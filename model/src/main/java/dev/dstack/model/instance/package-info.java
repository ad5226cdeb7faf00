/**
 * Instance statuses: what is wanted of a machine, what is recorded, what is observed; the shown
 * status is computed.
 */
@NullMarked
package dev.dstack.model.instance;

import org.jspecify.annotations.NullMarked;
