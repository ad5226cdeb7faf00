/** The API as clients see it: a real server on a real PostgreSQL, spoken to over HTTP. */
@NullMarked
package dev.dstack.api;

import org.jspecify.annotations.NullMarked;
