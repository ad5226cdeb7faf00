/** Version, health and login providers. */
@NullMarked
package dev.dstack.api.server;

import org.jspecify.annotations.NullMarked;
