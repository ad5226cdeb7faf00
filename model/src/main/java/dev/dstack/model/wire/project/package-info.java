/** Projects, members and the bodies of the project endpoints. */
@NullMarked
package dev.dstack.model.wire.project;

import org.jspecify.annotations.NullMarked;
