/** Secrets and the bodies of the secret endpoints; none of these prints a value. */
@NullMarked
package dev.dstack.model.wire.secret;

import org.jspecify.annotations.NullMarked;
