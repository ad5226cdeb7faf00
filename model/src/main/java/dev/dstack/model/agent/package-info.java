/**
 * The host agent's protocol, version /v1: shapes shared by the agent and by the activities that
 * call it.
 */
@NullMarked
package dev.dstack.model.agent;

import org.jspecify.annotations.NullMarked;
