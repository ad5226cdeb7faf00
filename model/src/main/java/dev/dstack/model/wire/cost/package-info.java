/** What a project's capacity costs, and how old the prices are; upstream has no such endpoints. */
@NullMarked
package dev.dstack.model.wire.cost;

import org.jspecify.annotations.NullMarked;
