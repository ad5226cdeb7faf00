-- What people and workers have told us and nobody can compute again. The API's role writes here.
-- Sets of words are text with a CHECK, so that a new word is one small migration.
-- Columns named *_encrypted hold "enc:<type>:<name>:<data>"; see dev.dstack.db.crypto.

CREATE SCHEMA records;

CREATE TABLE records.deployment (
    id         uuid PRIMARY KEY,
    only_one   boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one),
    created_at timestamptz NOT NULL
);

CREATE TABLE records.setting (
    key        text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE records.user_account (
    id                        uuid PRIMARY KEY,
    username                  text NOT NULL,
    global_role               text NOT NULL CHECK (global_role IN ('admin', 'user')),
    email                     text,
    active                    boolean NOT NULL DEFAULT true,
    created_at                timestamptz NOT NULL,
    token_hash                text NOT NULL UNIQUE,
    token_encrypted           text NOT NULL,
    ssh_public_key            text,
    ssh_private_key_encrypted text,
    deleted_at                timestamptz
);
-- A deleted user keeps its row, because runs and events name it; its name is free again.
CREATE UNIQUE INDEX user_account_username_key ON records.user_account (username) WHERE deleted_at IS NULL;
CREATE INDEX user_account_created_idx ON records.user_account (created_at, id);
CREATE INDEX user_account_email_idx ON records.user_account (email) WHERE email IS NOT NULL;

CREATE TABLE records.user_public_key (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES records.user_account (id),
    added_at    timestamptz NOT NULL,
    name        text NOT NULL,
    type        text NOT NULL,
    fingerprint text NOT NULL,
    key         text NOT NULL,
    UNIQUE (user_id, fingerprint)
);

CREATE TABLE records.project (
    id                        uuid PRIMARY KEY,
    name                      text NOT NULL,
    owner_id                  uuid NOT NULL REFERENCES records.user_account (id),
    is_public                 boolean NOT NULL DEFAULT false,
    templates_repo            text,
    created_at                timestamptz NOT NULL,
    deleted_at                timestamptz,
    ssh_public_key            text,
    ssh_private_key_encrypted text
);
CREATE UNIQUE INDEX project_name_key ON records.project (name) WHERE deleted_at IS NULL;
CREATE INDEX project_created_idx ON records.project (created_at, id);
CREATE INDEX project_owner_idx ON records.project (owner_id) WHERE deleted_at IS NULL;

CREATE TABLE records.project_member (
    project_id uuid NOT NULL REFERENCES records.project (id),
    user_id    uuid NOT NULL REFERENCES records.user_account (id),
    role       text NOT NULL CHECK (role IN ('admin', 'manager', 'user')),
    position   integer NOT NULL DEFAULT 0,
    added_at   timestamptz NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX project_member_user_idx ON records.project_member (user_id);

CREATE TABLE records.backend (
    project_id     uuid NOT NULL REFERENCES records.project (id),
    type           text NOT NULL,
    config         jsonb NOT NULL,
    auth_encrypted text,
    source         text NOT NULL CHECK (source IN ('file', 'api')),
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (project_id, type)
);

CREATE TABLE records.repo (
    id         uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES records.project (id),
    repo_id    text NOT NULL,
    info       jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (project_id, repo_id)
);

CREATE TABLE records.repo_creds (
    repo           uuid NOT NULL REFERENCES records.repo (id) ON DELETE CASCADE,
    user_id        uuid NOT NULL REFERENCES records.user_account (id),
    info_encrypted text NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (repo, user_id)
);

CREATE TABLE records.code_blob (
    repo       uuid NOT NULL REFERENCES records.repo (id) ON DELETE CASCADE,
    hash       text NOT NULL,
    blob       bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (repo, hash)
);

CREATE TABLE records.file_archive (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES records.user_account (id),
    hash       text NOT NULL,
    blob       bytea NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (user_id, hash)
);

CREATE TABLE records.secret (
    id              uuid PRIMARY KEY,
    project_id      uuid NOT NULL REFERENCES records.project (id),
    name            text NOT NULL,
    value_encrypted text NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    UNIQUE (project_id, name)
);

-- What a fleet should be. revision grows with each change of the plan; a dispatcher brings the
-- workflow up to it and then says so in dispatched_revision.
CREATE TABLE records.fleet (
    id                  uuid PRIMARY KEY,
    project_id          uuid NOT NULL REFERENCES records.project (id),
    user_id             uuid REFERENCES records.user_account (id),
    name                text NOT NULL,
    spec                jsonb NOT NULL,
    plan                jsonb NOT NULL,
    revision            integer NOT NULL DEFAULT 1,
    dispatched_revision integer NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL,
    delete_requested_at timestamptz,
    delete_delivered_at timestamptz,
    deleted_at          timestamptz
);
CREATE UNIQUE INDEX fleet_name_key ON records.fleet (project_id, name) WHERE deleted_at IS NULL;
CREATE INDEX fleet_list_idx ON records.fleet (created_at DESC, id DESC);
CREATE INDEX fleet_to_dispatch_idx ON records.fleet (created_at)
    WHERE deleted_at IS NULL
      AND (dispatched_revision < revision OR (delete_requested_at IS NOT NULL AND delete_delivered_at IS NULL));

-- An accepted run. spec is redacted: names of environment variables without values, no registry
-- passwords; those are in private_encrypted.
CREATE TABLE records.run_submission (
    id                uuid PRIMARY KEY,
    project_id        uuid NOT NULL REFERENCES records.project (id),
    user_id           uuid NOT NULL REFERENCES records.user_account (id),
    run_name          text NOT NULL,
    repo_id           text,
    spec              jsonb NOT NULL,
    private_encrypted text,
    plan              jsonb NOT NULL,
    priority          integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 100),
    submitted_at      timestamptz NOT NULL,
    deployment_num    integer NOT NULL DEFAULT 0,
    dispatched_at     timestamptz,
    dispatch_after    timestamptz,
    finished_at       timestamptz,
    deleted_at        timestamptz
);
CREATE UNIQUE INDEX run_submission_active_name_key ON records.run_submission (project_id, run_name)
    WHERE finished_at IS NULL AND deleted_at IS NULL;
CREATE INDEX run_submission_list_idx ON records.run_submission (submitted_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX run_submission_project_list_idx ON records.run_submission (project_id, submitted_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX run_submission_user_list_idx ON records.run_submission (user_id, submitted_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX run_submission_repo_list_idx
    ON records.run_submission (project_id, repo_id, submitted_at DESC, id DESC)
    WHERE deleted_at IS NULL;
CREATE INDEX run_submission_name_idx ON records.run_submission (project_id, run_name, submitted_at DESC, id DESC);
CREATE INDEX run_submission_active_idx ON records.run_submission (submitted_at DESC, id DESC)
    WHERE finished_at IS NULL AND deleted_at IS NULL;
CREATE INDEX run_submission_to_dispatch_idx ON records.run_submission (priority DESC, submitted_at, id)
    WHERE dispatched_at IS NULL AND finished_at IS NULL AND deleted_at IS NULL;

-- A wish that a run end, kept until its workflow has heard of it.
CREATE TABLE records.run_stop (
    run_id       uuid PRIMARY KEY REFERENCES records.run_submission (id),
    abort        boolean NOT NULL,
    requested_at timestamptz NOT NULL,
    user_id      uuid REFERENCES records.user_account (id),
    delivered_at timestamptz
);
CREATE INDEX run_stop_to_deliver_idx ON records.run_stop (requested_at) WHERE delivered_at IS NULL;

-- A change of a run that its workflow has to hear of.
CREATE TABLE records.run_update (
    run_id       uuid PRIMARY KEY REFERENCES records.run_submission (id),
    requested_at timestamptz NOT NULL,
    revision     integer NOT NULL DEFAULT 1,
    delivered_at timestamptz
);
CREATE INDEX run_update_to_deliver_idx ON records.run_update (requested_at) WHERE delivered_at IS NULL;

-- How to reach the machine of an instance; written by the worker that made or adopted it.
CREATE TABLE records.instance_machine (
    instance_id           uuid NOT NULL,
    attempt               integer NOT NULL,
    project_id            uuid NOT NULL,
    backend               text NOT NULL,
    provider_id           text NOT NULL,
    hostname              text,
    agent_uri             text,
    agent_token_encrypted text,
    offer                 jsonb NOT NULL,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    terminated_at         timestamptz,
    PRIMARY KEY (instance_id, attempt)
);

-- Timeline and audit. A workflow's event is known by its entity's revision and its place in it, so
-- that writing it twice writes it once; an event of the API has neither.
CREATE TABLE records.entity_event (
    id            uuid PRIMARY KEY,
    recorded_at   timestamptz NOT NULL,
    message       text NOT NULL,
    actor_user_id uuid REFERENCES records.user_account (id),
    entity_type   text,
    entity_id     uuid,
    revision      bigint,
    ordinal       integer,
    UNIQUE (entity_type, entity_id, revision, ordinal)
);
CREATE INDEX entity_event_time_idx ON records.entity_event (recorded_at DESC, id DESC);

CREATE TABLE records.entity_event_target (
    event_id    uuid NOT NULL REFERENCES records.entity_event (id) ON DELETE CASCADE,
    ordinal     integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    type        text NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL,
    project_id  uuid,
    PRIMARY KEY (event_id, ordinal)
);
CREATE INDEX entity_event_target_id_idx ON records.entity_event_target (id, recorded_at DESC, event_id DESC);
CREATE INDEX entity_event_target_project_idx
    ON records.entity_event_target (project_id, recorded_at DESC, event_id DESC);
CREATE INDEX entity_event_target_time_idx ON records.entity_event_target (recorded_at DESC, event_id DESC);
