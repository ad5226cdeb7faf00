/**
 * What all workflows share: ids, task queues, activity options, signals to one another,
 * projections.
 */
@NullMarked
package dev.dstack.workflows.support;

import org.jspecify.annotations.NullMarked;
