/** Tables of schema records. */
@NullUnmarked
package dev.dstack.db.jooq.generated.records.tables;

import org.jspecify.annotations.NullUnmarked;
