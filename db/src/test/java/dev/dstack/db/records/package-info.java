/** Tests of {@code dev.dstack.db.records} against a real PostgreSQL. */
@NullMarked
package dev.dstack.db.records;

import org.jspecify.annotations.NullMarked;
