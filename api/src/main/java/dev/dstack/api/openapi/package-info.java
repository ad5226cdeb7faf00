/** The description of the API, made from the controllers and the wire records. */
@NullMarked
package dev.dstack.api.openapi;

import org.jspecify.annotations.NullMarked;
