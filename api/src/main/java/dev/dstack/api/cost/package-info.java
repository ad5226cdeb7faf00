/** What a project's capacity costs. */
@NullMarked
package dev.dstack.api.cost;

import org.jspecify.annotations.NullMarked;
