/** Schema records. */
@NullUnmarked
package dev.dstack.db.jooq.generated.records;

import org.jspecify.annotations.NullUnmarked;
