/** Tables of schema views. */
@NullUnmarked
package dev.dstack.db.jooq.generated.views.tables;

import org.jspecify.annotations.NullUnmarked;
