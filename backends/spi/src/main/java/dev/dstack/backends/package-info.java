/**
 * What a provider of machines implements: offers, create-or-find by tag, terminate by tag. Found by
 * ServiceLoader; knows nothing of Temporal, Spring or the database.
 */
@NullMarked
package dev.dstack.backends;

import org.jspecify.annotations.NullMarked;
