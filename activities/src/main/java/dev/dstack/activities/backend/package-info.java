/**
 * The backends of projects, made from their configuration once and kept while it stays the same.
 */
@NullMarked
package dev.dstack.activities.backend;

import org.jspecify.annotations.NullMarked;
