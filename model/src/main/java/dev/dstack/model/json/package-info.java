/**
 * One JSON mapper for every module, and the reading and writing of <em>shapes</em>: the records of
 * {@code dev.dstack.model.wire}, which accept shorthands, fill in defaults and report every problem
 * of a document at once.
 */
@NullMarked
package dev.dstack.model.json;

import org.jspecify.annotations.NullMarked;
