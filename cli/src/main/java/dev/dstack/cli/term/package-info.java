/** The terminal: colours, tables, a status line, questions, times in words. No HTTP in here. */
@NullMarked
package dev.dstack.cli.term;

import org.jspecify.annotations.NullMarked;
