/** Repositories and uploaded diffs. */
@NullMarked
package dev.dstack.api.repo;

import org.jspecify.annotations.NullMarked;
