/** What jobs ask of volumes' workflows, and what these ask of the backends that have volumes. */
@NullMarked
package dev.dstack.activities.volume;

import org.jspecify.annotations.NullMarked;
