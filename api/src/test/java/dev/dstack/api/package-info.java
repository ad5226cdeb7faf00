/** The API as clients see it: a real server on a real PostgreSQL, spoken to over HTTP. */
package dev.dstack.api;
