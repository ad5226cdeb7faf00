/** EC2 as moto plays it, with our own proxy before it. */
@NullMarked
package dev.dstack.backends.aws;

import org.jspecify.annotations.NullMarked;
