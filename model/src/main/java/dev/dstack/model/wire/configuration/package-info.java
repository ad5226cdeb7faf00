/**
 * What people write in files: runs, fleets, volumes, gateways and profiles, with their shorthands.
 */
@NullMarked
package dev.dstack.model.wire.configuration;

import org.jspecify.annotations.NullMarked;
