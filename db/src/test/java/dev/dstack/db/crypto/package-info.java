/** Tests of {@code dev.dstack.db.crypto} against a real PostgreSQL. */
@NullMarked
package dev.dstack.db.crypto;

import org.jspecify.annotations.NullMarked;
