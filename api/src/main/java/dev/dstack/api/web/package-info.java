/**
 * How requests become records and records become answers: body reader, answer writer, limits,
 * Tomcat.
 */
@NullMarked
package dev.dstack.api.web;

import org.jspecify.annotations.NullMarked;
