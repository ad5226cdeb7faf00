/**
 * Machines that nobody owns any more: each pass of one schedule asks every region of every backend
 * for what carries this installation's tag, and ends what no open instance workflow answers for. So
 * with volumes that were deleted here and are there all the same.
 */
@NullMarked
package dev.dstack.workflows.sweep;

import org.jspecify.annotations.NullMarked;
