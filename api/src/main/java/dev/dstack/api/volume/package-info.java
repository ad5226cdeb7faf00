/** Volumes, which come with a later version: lists are empty, the rest is refused by name. */
@NullMarked
package dev.dstack.api.volume;

import org.jspecify.annotations.NullMarked;
