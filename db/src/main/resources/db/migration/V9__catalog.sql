-- What is known of providers' prices and shapes without asking them. A snapshot is one provider's
-- whole list; the one with the latest date holds and takes the place of the others.
CREATE TABLE records.catalog_snapshot (
    id         uuid PRIMARY KEY,
    provider   text NOT NULL,
    version    text NOT NULL,
    source     text NOT NULL,
    as_of      timestamptz NOT NULL,
    loaded_at  timestamptz NOT NULL,
    row_count  integer NOT NULL,
    UNIQUE (provider, version)
);

CREATE TABLE records.catalog_offer (
    snapshot       uuid NOT NULL REFERENCES records.catalog_snapshot (id) ON DELETE CASCADE,
    instance_type  text NOT NULL,
    region         text NOT NULL,
    zones          text[] NOT NULL,
    arch           text NOT NULL CHECK (arch IN ('x86', 'arm')),
    cpus           integer NOT NULL,
    memory_mib     bigint NOT NULL,
    disk_mib       bigint NOT NULL,
    gpu_vendor     text,
    gpu_name       text,
    gpu_count      integer NOT NULL,
    gpu_memory_mib integer NOT NULL,
    spot           boolean NOT NULL,
    price          double precision NOT NULL,
    source         text
);
CREATE INDEX catalog_offer_price_idx ON records.catalog_offer (snapshot, price);

-- How one attempt to get capacity for a replica of a run went: who was asked, what was said.
CREATE TABLE views.run_why (
    run_id         uuid NOT NULL,
    replica_num    integer NOT NULL,
    submission_num integer NOT NULL,
    revision       bigint NOT NULL,
    attempt        jsonb NOT NULL,
    PRIMARY KEY (run_id, replica_num, submission_num)
);

GRANT SELECT ON records.catalog_snapshot, records.catalog_offer TO dstack_api;
GRANT SELECT, INSERT, DELETE ON records.catalog_snapshot, records.catalog_offer TO dstack_worker;
GRANT UPDATE (row_count) ON records.catalog_snapshot TO dstack_worker;
GRANT SELECT ON views.run_why TO dstack_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON views.run_why TO dstack_worker;
