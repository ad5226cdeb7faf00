/**
 * The composition root: the one executable of the server with its roles, which puts the API, the
 * workers, the backends and the embedded PostgreSQL and Temporal together. Nothing imports it.
 */
@NullMarked
package dev.dstack.server;

import org.jspecify.annotations.NullMarked;
