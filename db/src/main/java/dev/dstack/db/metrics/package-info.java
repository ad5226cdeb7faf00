/**
 * What jobs use: samples that the workers' watchers write every few seconds, and what the API and
 * Prometheus read of them.
 */
@NullMarked
package dev.dstack.db.metrics;

import org.jspecify.annotations.NullMarked;
