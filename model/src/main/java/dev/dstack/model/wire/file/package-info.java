/** Archives of files that runs receive. */
@NullMarked
package dev.dstack.model.wire.file;

import org.jspecify.annotations.NullMarked;
