/**
 * {@code dstack apply}: from a configuration file to a run that is followed to its end. What the
 * server can't know is done here: values from the person's environment, archives of local files,
 * profiles, options. What is valid is the server's to say; its answer is shown with the line of the
 * file.
 */
@NullMarked
package dev.dstack.cli.apply;

import org.jspecify.annotations.NullMarked;
