package dev.dstack.activities.agent;

import dev.dstack.db.records.AccessKeys;
import dev.dstack.db.records.FileStore;
import dev.dstack.db.records.RepoStore;
import dev.dstack.db.records.RunSubmissions;
import dev.dstack.db.records.SecretStore;
import dev.dstack.db.records.Volumes;
import dev.dstack.db.views.RunReader;
import dev.dstack.model.config.ContainerDefaults;

/** Where everything comes from that makes a job's task. */
public record RunSources(
    RunSubmissions runs,
    RunReader views,
    SecretStore secrets,
    FileStore files,
    RepoStore repos,
    AccessKeys keys,
    Volumes volumes,
    ContainerDefaults containers) {}
