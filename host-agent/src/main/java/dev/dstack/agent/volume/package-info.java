/**
 * Volumes that are attached to this host: mounted for the first task that has them, unmounted after
 * the last. Nothing here ever deletes what is in a volume.
 */
@NullMarked
package dev.dstack.agent.volume;

import org.jspecify.annotations.NullMarked;
