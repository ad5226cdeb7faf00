/** Tests of how logs are shown. */
@NullMarked
package dev.dstack.api.log;

import org.jspecify.annotations.NullMarked;
