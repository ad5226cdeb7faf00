/**
 * A small world for workflows under skipped time: hosts, a cloud, views and signals, all in memory
 * and scriptable, with faults at any call.
 */
@NullMarked
package dev.dstack.workflows.world;

import org.jspecify.annotations.NullMarked;
