/** The backends of a project, as entries of config.yml. */
@NullMarked
package dev.dstack.api.backend;

import org.jspecify.annotations.NullMarked;
