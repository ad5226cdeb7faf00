/**
 * Pages for people: the front page and the browsable API documentation, without anything from
 * outside.
 */
@NullMarked
package dev.dstack.api.page;

import org.jspecify.annotations.NullMarked;
