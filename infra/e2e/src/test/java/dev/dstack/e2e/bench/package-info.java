/** Measures the running product; started by the script bench at the root, not by a test. */
@NullMarked
package dev.dstack.e2e.bench;

import org.jspecify.annotations.NullMarked;
