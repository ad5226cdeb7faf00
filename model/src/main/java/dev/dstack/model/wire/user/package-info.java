/** Users, their keys and the bodies of the user endpoints. */
@NullMarked
package dev.dstack.model.wire.user;

import org.jspecify.annotations.NullMarked;
