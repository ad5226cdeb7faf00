/** Rows of schema records. */
@NullUnmarked
package dev.dstack.db.jooq.generated.records.tables.records;

import org.jspecify.annotations.NullUnmarked;
