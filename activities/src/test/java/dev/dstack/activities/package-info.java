/** What the tests of this module share. */
@NullMarked
package dev.dstack.activities;

import org.jspecify.annotations.NullMarked;
