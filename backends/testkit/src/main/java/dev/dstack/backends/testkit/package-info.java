/**
 * What every backend must do, as tests that its own test class takes over, and the stand-ins for
 * clouds that they run against. Never part of the product.
 */
@NullMarked
package dev.dstack.backends.testkit;

import org.jspecify.annotations.NullMarked;
