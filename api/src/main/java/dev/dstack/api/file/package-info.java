/** Uploaded archives of local files. */
@NullMarked
package dev.dstack.api.file;

import org.jspecify.annotations.NullMarked;
