/**
 * The life of one volume: make or register, attach to the machines of jobs and detach again, delete
 * when nobody uses it. The only writer of who has the volume.
 */
@NullMarked
package dev.dstack.workflows.volume;

import org.jspecify.annotations.NullMarked;
