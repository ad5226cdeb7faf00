/** Typed identifiers: no bare UUID or string crosses a method boundary as an id. */
@NullMarked
package dev.dstack.model.ids;

import org.jspecify.annotations.NullMarked;
