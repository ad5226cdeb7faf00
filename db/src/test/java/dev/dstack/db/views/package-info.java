/** Tests of {@code dev.dstack.db.views} against a real PostgreSQL. */
@NullMarked
package dev.dstack.db.views;

import org.jspecify.annotations.NullMarked;
