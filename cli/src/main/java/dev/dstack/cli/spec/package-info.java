/** What a command is: its options, the arguments it was given, and the question before it acts. */
@NullMarked
package dev.dstack.cli.spec;

import org.jspecify.annotations.NullMarked;
