/** Tests of samples and of what metrics are made of. */
@NullMarked
package dev.dstack.db.metrics;

import org.jspecify.annotations.NullMarked;
