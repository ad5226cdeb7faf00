/** The timeline. */
@NullMarked
package dev.dstack.api.event;

import org.jspecify.annotations.NullMarked;
