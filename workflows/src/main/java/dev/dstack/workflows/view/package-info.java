/**
 * What is shown of a workflow's state outside of it: the shapes written to the query side, and the
 * port that writes them.
 */
@NullMarked
package dev.dstack.workflows.view;

import org.jspecify.annotations.NullMarked;
