/** Instances and offers, and the bodies of the instance endpoints. */
@NullMarked
package dev.dstack.model.wire.instance;

import org.jspecify.annotations.NullMarked;
