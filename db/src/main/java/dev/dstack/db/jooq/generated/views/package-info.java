/** Schema views. */
@NullUnmarked
package dev.dstack.db.jooq.generated.views;

import org.jspecify.annotations.NullUnmarked;
