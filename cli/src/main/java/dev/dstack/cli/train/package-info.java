/**
 * A walk through the usual commands against canned answers, whose recording becomes the start-up
 * cache.
 */
@NullMarked
package dev.dstack.cli.train;

import org.jspecify.annotations.NullMarked;
