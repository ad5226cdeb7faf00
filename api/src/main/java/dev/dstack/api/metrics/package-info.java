/** What jobs use, and the page that Prometheus reads. */
@NullMarked
package dev.dstack.api.metrics;

import org.jspecify.annotations.NullMarked;
