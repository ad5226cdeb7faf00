/**
 * What an instance needs of its provider: make or adopt a machine, wait for it, watch it, end it.
 */
@NullMarked
package dev.dstack.activities.cloud;

import org.jspecify.annotations.NullMarked;
