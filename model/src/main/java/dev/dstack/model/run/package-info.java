/** Run statuses, reasons and the table of legal transitions. */
@NullMarked
package dev.dstack.model.run;

import org.jspecify.annotations.NullMarked;
