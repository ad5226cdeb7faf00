/**
 * The files of the person at the terminal: which servers and projects there are, and their
 * profiles.
 */
@NullMarked
package dev.dstack.cli.config;

import org.jspecify.annotations.NullMarked;
