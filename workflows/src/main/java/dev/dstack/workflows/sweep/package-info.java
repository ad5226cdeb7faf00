/**
 * Machines that nobody owns any more: each pass of one schedule asks every region of every backend
 * for what carries this installation's tag, and ends what no open instance workflow answers for.
 */
@NullMarked
package dev.dstack.workflows.sweep;

import org.jspecify.annotations.NullMarked;
