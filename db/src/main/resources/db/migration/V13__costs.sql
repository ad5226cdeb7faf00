-- What runs and instances cost, and which volumes a job has. price is in dollars an hour: of a job, for the part of its instance
-- that it has; it counts from placed_at on, when the job got its place.
ALTER TABLE views.job_view
    ADD COLUMN price double precision,
    ADD COLUMN placed_at timestamptz;

-- When a job of the past got its place is not known: what is charged is the time that it ran.
UPDATE views.job_view SET
    price = (placement #>> '{offer,price}')::double precision
        * (placement ->> 'blocks')::double precision
        / nullif((placement ->> 'totalBlocks')::double precision, 0),
    placed_at = coalesce(running_at, at)
WHERE placement IS NOT NULL;

CREATE INDEX job_view_charge_idx ON views.job_view (project_id, placed_at) WHERE price > 0;

-- The volumes that a job got, one for each of its mounts; known from when they are attached on.
ALTER TABLE views.job_view ADD COLUMN volume_names text[];

-- A machine is paid for from the moment it was made until the provider has ended it. The API may
-- know that much of records.instance_machine, and nothing of its tokens.
CREATE VIEW views.machine_charge AS
SELECT instance_id,
       attempt,
       project_id,
       backend,
       (offer ->> 'price')::double precision AS price,
       created_at,
       terminated_at
FROM records.instance_machine;

CREATE INDEX instance_machine_project_idx ON records.instance_machine (project_id, created_at);

GRANT SELECT ON views.machine_charge TO dstack_api, dstack_worker;
