/** Backends of projects and the bodies of the backend endpoints. */
@NullMarked
package dev.dstack.model.wire.backend;

import org.jspecify.annotations.NullMarked;
