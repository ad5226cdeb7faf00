-- What those who look after a host's accelerators say about them, once a minute; rows go when their
-- time is over (HostChecks.expire).
CREATE TABLE views.instance_health (
    instance_id uuid NOT NULL,
    at          timestamptz NOT NULL,
    level       text NOT NULL CHECK (level IN ('HEALTHY', 'WARNING', 'FAILURE')),
    incidents   text[] NOT NULL,
    PRIMARY KEY (instance_id, at)
);
CREATE INDEX instance_health_time_idx ON views.instance_health (at);

GRANT SELECT ON views.instance_health TO dstack_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON views.instance_health TO dstack_worker;

-- When somebody asked for an upload last: one that no run needs goes some time after that
-- (UploadRetention). What is there already counts from now.
ALTER TABLE records.file_archive ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE records.code_blob ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX file_archive_used_idx ON records.file_archive (used_at);
CREATE INDEX code_blob_used_idx ON records.code_blob (used_at);

GRANT DELETE ON records.file_archive, records.code_blob TO dstack_worker;
