-- What jobs use, as their watchers see it every few seconds; and how far logs are stored.

-- One row for each sample. Rows are old soon and go in pieces (JobSamples.expire), so the table is
-- vacuumed early instead of late.
CREATE TABLE views.job_sample (
    job_id            uuid NOT NULL,
    at                timestamptz NOT NULL,
    cpu_micros        bigint NOT NULL,
    memory_bytes      bigint NOT NULL,
    working_set_bytes bigint NOT NULL,
    gpu_memory_bytes  bigint[] NOT NULL,
    gpu_util          integer[] NOT NULL,
    PRIMARY KEY (job_id, at)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE INDEX job_sample_time_idx ON views.job_sample (at);

-- What the host's DCGM exporter says about a job's accelerators: the last word only, so it need not
-- survive a crash.
CREATE UNLOGGED TABLE views.job_dcgm (
    job_id uuid PRIMARY KEY,
    at     timestamptz NOT NULL,
    text   text NOT NULL
);

-- How much of a log a store has confirmed that can't be asked itself; see CloudWatchLogStore.
CREATE TABLE views.log_cursor (
    job_id      uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('JOB', 'RUNNER')),
    project     text NOT NULL,
    run_name    text NOT NULL,
    stored_to   bigint NOT NULL,
    last_millis bigint NOT NULL,
    written_at  timestamptz NOT NULL,
    PRIMARY KEY (job_id, kind)
);
CREATE INDEX log_cursor_time_idx ON views.log_cursor (written_at);

CREATE INDEX job_view_active_idx ON views.job_view (id) WHERE finished_at IS NULL;

-- Facts of the past that the current status does not tell: counters over them are right however
-- many servers answer.
ALTER TABLE views.run_view ADD COLUMN provisioned_at timestamptz;
ALTER TABLE views.run_view ADD COLUMN times_pending integer NOT NULL DEFAULT 0;
UPDATE views.run_view SET provisioned_at =
    (SELECT min(running_at) FROM views.job_view WHERE job_view.run_id = run_view.id);

ALTER TABLE records.run_submission
    ADD COLUMN run_type text GENERATED ALWAYS AS (spec -> 'configuration' ->> 'type') STORED;

GRANT SELECT ON views.job_sample, views.job_dcgm, views.log_cursor TO dstack_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON views.job_sample, views.job_dcgm, views.log_cursor TO dstack_worker;
