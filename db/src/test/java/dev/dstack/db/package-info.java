/** Tests of the database module, all against a real PostgreSQL. */
@NullMarked
package dev.dstack.db;

import org.jspecify.annotations.NullMarked;
