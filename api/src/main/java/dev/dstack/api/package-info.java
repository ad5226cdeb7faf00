/**
 * The HTTP server: {@link dev.dstack.api.ApiConfiguration} is what a composition root imports. Only
 * here is Spring used.
 */
@NullMarked
package dev.dstack.api;

import org.jspecify.annotations.NullMarked;
