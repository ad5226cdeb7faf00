/** The agent's HTTP interface, version /v1: routes, authentication, limits, errors. */
@NullMarked
package dev.dstack.agent.http;

import org.jspecify.annotations.NullMarked;
