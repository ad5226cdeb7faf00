/** Logs of jobs, read page by page. */
@NullMarked
package dev.dstack.api.log;

import org.jspecify.annotations.NullMarked;
