package dev.dstack.db.log;

import dev.dstack.model.ids.JobId;

/** Whose log. The names are part of where it is kept, so that a person finds it. */
public record LogKey(String project, String runName, JobId job) {}
