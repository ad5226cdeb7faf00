/**
 * The JSON of dstack 0.22.5's HTTP API, configuration files and listings, a package for each noun.
 * These records mirror the wire in names, order, defaults and nullness and are converted explicitly
 * to the records the engine works with; nothing here decides anything.
 */
@NullMarked
package dev.dstack.model.wire;

import org.jspecify.annotations.NullMarked;
