/** Machines of Amazon EC2. Knows nothing of what runs on them. */
@NullMarked
package dev.dstack.backends.aws;

import org.jspecify.annotations.NullMarked;
