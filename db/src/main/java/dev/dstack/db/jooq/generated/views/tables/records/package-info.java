/** Rows of schema views. */
@NullUnmarked
package dev.dstack.db.jooq.generated.views.tables.records;

import org.jspecify.annotations.NullUnmarked;
