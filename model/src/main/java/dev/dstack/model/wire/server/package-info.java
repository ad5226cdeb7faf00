/** What the server tells about itself. */
@NullMarked
package dev.dstack.model.wire.server;

import org.jspecify.annotations.NullMarked;
