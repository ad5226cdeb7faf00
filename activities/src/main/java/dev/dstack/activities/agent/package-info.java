/** What a job needs of its host: send the task, watch it and copy its log, stop and remove it. */
@NullMarked
package dev.dstack.activities.agent;

import org.jspecify.annotations.NullMarked;
