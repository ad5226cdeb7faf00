/** Words that several nouns share. */
@NullMarked
package dev.dstack.model.wire.common;

import org.jspecify.annotations.NullMarked;
