/** Projects and their members. */
@NullMarked
package dev.dstack.api.project;

import org.jspecify.annotations.NullMarked;
