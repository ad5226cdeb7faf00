/** Tests with the real parts: they start, stop and kill processes of their own. */
@NullMarked
package dev.dstack.embedded;

import org.jspecify.annotations.NullMarked;
