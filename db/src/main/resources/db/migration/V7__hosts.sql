-- How workers log in to a machine: dstack's own words for it with private keys, so that a host that
-- its fleet does not name any more can still be cleaned up. touched: something of ours may be there.
ALTER TABLE records.instance_machine
    ADD COLUMN access_encrypted text,
    ADD COLUMN touched boolean NOT NULL DEFAULT false;

-- The keys that hosts have shown at first sight. scope is a fleet of hosts, or a cloud's instance.
CREATE TABLE records.host_key (
    scope     uuid NOT NULL,
    address   text NOT NULL,
    key       text NOT NULL,
    pinned_at timestamptz NOT NULL,
    PRIMARY KEY (scope, address)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON records.host_key TO dstack_worker;
