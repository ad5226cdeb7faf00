-- What a volume should be: made once, never changed, deleted once. A dispatcher starts its workflow
-- and brings it the wish for its end; a refused wish is taken back, so that it can be made again.
CREATE TABLE records.volume (
    id                  uuid PRIMARY KEY,
    project_id          uuid NOT NULL REFERENCES records.project (id),
    user_id             uuid NOT NULL REFERENCES records.user_account (id),
    name                text NOT NULL,
    configuration       jsonb NOT NULL,
    plan                jsonb NOT NULL,
    created_at          timestamptz NOT NULL,
    dispatched_at       timestamptz,
    delete_requested_at timestamptz,
    delete_delivered_at timestamptz,
    deleted_at          timestamptz
);
CREATE UNIQUE INDEX volume_name_key ON records.volume (project_id, name) WHERE deleted_at IS NULL;
CREATE INDEX volume_list_idx ON records.volume (created_at DESC, id DESC);
CREATE INDEX volume_to_dispatch_idx ON records.volume (created_at)
    WHERE deleted_at IS NULL
      AND (dispatched_at IS NULL OR (delete_requested_at IS NOT NULL AND delete_delivered_at IS NULL));

-- Which volume a job got for each of its mounts (several may be named), and where it is on the
-- job's host; written by the worker that had it attached.
CREATE TABLE records.job_volume (
    job_id      uuid NOT NULL,
    position    integer NOT NULL,
    volume_id   uuid NOT NULL,
    name        text NOT NULL,
    provider_id text NOT NULL,
    device      text,
    directory   text,
    format      boolean NOT NULL,
    attached_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, position)
);

CREATE TABLE views.volume_view (
    id                uuid PRIMARY KEY,
    project_id        uuid NOT NULL,
    name              text NOT NULL,
    revision          bigint NOT NULL,
    status            text NOT NULL CHECK (status IN ('submitted', 'provisioning', 'active', 'failed')),
    status_message    text,
    provider_id       text,
    size_gb           integer,
    availability_zone text,
    price             double precision,
    attachments       jsonb NOT NULL,
    created_at        timestamptz NOT NULL,
    at                timestamptz NOT NULL,
    deleted_at        timestamptz
);

GRANT SELECT, INSERT, UPDATE, DELETE ON records.volume TO dstack_api;
GRANT SELECT ON records.job_volume TO dstack_api;
GRANT SELECT ON views.volume_view TO dstack_api;
GRANT SELECT ON records.volume TO dstack_worker;
GRANT UPDATE (deleted_at, delete_requested_at, delete_delivered_at) ON records.volume TO dstack_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON records.job_volume TO dstack_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON views.volume_view TO dstack_worker;
