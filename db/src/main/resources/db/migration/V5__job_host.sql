-- What the host of a job says of it. `ports` is of the job's workflow, like the rest of the row;
-- `pull` and `unused_since` change too often for a history: the activity that watches the task
-- writes them, and only while the task is pulling or running.
ALTER TABLE views.job_view
    ADD COLUMN ports jsonb,
    ADD COLUMN pull jsonb,
    ADD COLUMN unused_since timestamptz;
