/** How runs, offers and fleets of the API look on the terminal. */
@NullMarked
package dev.dstack.cli.run;

import org.jspecify.annotations.NullMarked;
