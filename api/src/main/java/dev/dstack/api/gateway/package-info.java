/** Gateways, which come with a later version: lists are empty, the rest is refused by name. */
@NullMarked
package dev.dstack.api.gateway;

import org.jspecify.annotations.NullMarked;
