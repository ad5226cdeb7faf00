/** The life of a machine, from journaled intent to confirmed termination. */
@NullMarked
package dev.dstack.workflows.instance;

import org.jspecify.annotations.NullMarked;
