/**
 * Who calls and what they may do. {@link dev.dstack.api.auth.Permissions} is the only place that
 * decides by endpoint.
 */
@NullMarked
package dev.dstack.api.auth;

import org.jspecify.annotations.NullMarked;
