-- What workflows show of themselves. Written only by the workers' projections, each row by the one
-- workflow that owns it; everything here can be written again from the open workflows.

CREATE SCHEMA views;

CREATE TABLE views.run_view (
    id                 uuid PRIMARY KEY,
    project_id         uuid NOT NULL,
    revision           bigint NOT NULL,
    status             text NOT NULL CHECK (status IN
        ('pending', 'submitted', 'provisioning', 'running', 'terminating', 'terminated', 'failed', 'done')),
    status_message     text NOT NULL,
    termination_reason text,
    error              text,
    fleet_id           uuid,
    fleet_project      text,
    fleet_name         text,
    at                 timestamptz NOT NULL,
    next_triggered_at  timestamptz,
    priority           integer NOT NULL,
    deployment_num     integer NOT NULL
);

CREATE TABLE views.job_view (
    id                         uuid PRIMARY KEY,
    run_id                     uuid NOT NULL,
    project_id                 uuid NOT NULL,
    replica_num                integer NOT NULL,
    job_num                    integer NOT NULL,
    submission_num             integer NOT NULL,
    job_name                   text NOT NULL,
    revision                   bigint NOT NULL,
    status                     text NOT NULL CHECK (status IN
        ('submitted', 'provisioning', 'pulling', 'running', 'terminating', 'terminated', 'aborted', 'failed', 'done')),
    status_message             text NOT NULL,
    termination_reason         text,
    termination_reason_message text,
    exit_status                integer,
    instance_id                uuid,
    placement                  jsonb,
    working_dir                text,
    username                   text,
    submitted_at               timestamptz NOT NULL,
    at                         timestamptz NOT NULL,
    running_at                 timestamptz,
    finished_at                timestamptz
);
CREATE INDEX job_view_run_idx ON views.job_view (run_id, replica_num, job_num, submission_num DESC);
CREATE INDEX job_view_instance_idx ON views.job_view (instance_id) WHERE finished_at IS NULL;

CREATE TABLE views.instance_view (
    id                         uuid PRIMARY KEY,
    project_id                 uuid NOT NULL,
    fleet_id                   uuid NOT NULL,
    fleet_name                 text NOT NULL,
    number                     integer NOT NULL,
    name                       text NOT NULL,
    revision                   bigint NOT NULL,
    -- BUSY is no status here: it follows from the claims.
    status                     text NOT NULL CHECK (status IN
        ('pending', 'provisioning', 'idle', 'busy', 'terminating', 'terminated')),
    host                       text NOT NULL CHECK (host IN ('UNKNOWN', 'HEALTHY', 'UNREACHABLE')),
    termination_reason         text,
    termination_reason_message text,
    offer                      jsonb NOT NULL,
    provider_id                text,
    hostname                   text,
    created_at                 timestamptz NOT NULL,
    at                         timestamptz NOT NULL,
    finished_at                timestamptz
);
CREATE INDEX instance_view_fleet_idx ON views.instance_view (fleet_id, number);
CREATE INDEX instance_view_list_idx ON views.instance_view (created_at DESC, id DESC);
CREATE INDEX instance_view_project_list_idx ON views.instance_view (project_id, created_at DESC, id DESC);
CREATE INDEX instance_view_active_idx ON views.instance_view (created_at DESC, id DESC) WHERE finished_at IS NULL;

CREATE TABLE views.fleet_view (
    id             uuid PRIMARY KEY,
    project_id     uuid NOT NULL,
    name           text NOT NULL,
    revision       bigint NOT NULL,
    status         text NOT NULL CHECK (status IN ('submitted', 'active', 'terminating', 'terminated', 'failed')),
    status_message text,
    created_at     timestamptz NOT NULL,
    at             timestamptz NOT NULL
);

-- Who has what of an instance now; written by the fleet's projection only.
CREATE TABLE views.instance_claim (
    job_id       uuid PRIMARY KEY,
    instance_id  uuid NOT NULL,
    fleet_id     uuid NOT NULL,
    blocks       integer NOT NULL,
    total_blocks integer NOT NULL,
    taken        jsonb NOT NULL,
    revision     bigint NOT NULL,
    claimed_at   timestamptz NOT NULL
);
CREATE INDEX instance_claim_instance_idx ON views.instance_claim (instance_id);
CREATE INDEX instance_claim_fleet_idx ON views.instance_claim (fleet_id);

-- What each backend could provide, as its worker last saw it.
CREATE TABLE views.backend_offer (
    project_id uuid NOT NULL,
    backend    text NOT NULL,
    offers     jsonb NOT NULL,
    error      text,
    at         timestamptz NOT NULL,
    PRIMARY KEY (project_id, backend)
);
