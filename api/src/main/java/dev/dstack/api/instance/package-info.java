/** Instances as shown. */
@NullMarked
package dev.dstack.api.instance;

import org.jspecify.annotations.NullMarked;
