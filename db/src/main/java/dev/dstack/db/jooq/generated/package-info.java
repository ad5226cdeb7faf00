/** The database as Java: written by jOOQ, never by hand; see GeneratedCodeTest. */
@NullUnmarked
package dev.dstack.db.jooq.generated;

import org.jspecify.annotations.NullUnmarked;
