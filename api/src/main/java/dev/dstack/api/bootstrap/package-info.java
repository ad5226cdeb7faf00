/**
 * The first start: admin, project main, its backends and fleets; safe when two servers start at
 * once.
 */
@NullMarked
package dev.dstack.api.bootstrap;

import org.jspecify.annotations.NullMarked;
