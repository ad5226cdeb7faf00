/** Repositories of code that runs receive. */
@NullMarked
package dev.dstack.model.wire.repo;

import org.jspecify.annotations.NullMarked;
