/** Gateways and the bodies of the gateway endpoints. */
@NullMarked
package dev.dstack.model.wire.gateway;

import org.jspecify.annotations.NullMarked;
