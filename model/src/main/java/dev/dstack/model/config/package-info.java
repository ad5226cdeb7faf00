/**
 * From a submitted spec to what the engine works with: rules, defaults, job specs, updates, the
 * combination of a fleet with a run, and crontab lines. Pure functions; time and chance come in as
 * arguments.
 */
@NullMarked
package dev.dstack.model.config;

import org.jspecify.annotations.NullMarked;
