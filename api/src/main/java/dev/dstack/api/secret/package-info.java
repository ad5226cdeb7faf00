/** Secrets of a project. */
@NullMarked
package dev.dstack.api.secret;

import org.jspecify.annotations.NullMarked;
