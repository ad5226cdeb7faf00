/** The life of one job submission: attach, submit to the host agent, watch, drain logs, release. */
@NullMarked
package dev.dstack.workflows.job;

import org.jspecify.annotations.NullMarked;
