/**
 * The backend {@code scripted}: machines, capacity, failures and jobs that exist only by
 * configuration, for demonstrations, tests and load. Everything that happens follows from small
 * files and the clock, so any process on the same directory sees the same world.
 */
@NullMarked
package dev.dstack.backends.scripted;

import org.jspecify.annotations.NullMarked;
