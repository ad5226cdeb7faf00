/** Fleet statuses and the rules of claiming capacity of its instances. */
@NullMarked
package dev.dstack.model.fleet;

import org.jspecify.annotations.NullMarked;
