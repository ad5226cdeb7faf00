-- The complete specification of a fleet of hosts: with private keys and values of variables, which
-- spec has not.
ALTER TABLE records.fleet ADD COLUMN private_encrypted text;

-- A person wants instances of a fleet gone; kept until the fleet's workflow has heard of it.
CREATE TABLE records.fleet_removal (
    id           uuid PRIMARY KEY,
    fleet_id     uuid NOT NULL REFERENCES records.fleet (id),
    -- Empty: all of them.
    numbers      integer[] NOT NULL,
    -- The machines are gone already: nobody is asked to end them.
    forget       boolean NOT NULL,
    username     text NOT NULL,
    requested_at timestamptz NOT NULL,
    delivered_at timestamptz
);
CREATE INDEX fleet_removal_to_deliver_idx ON records.fleet_removal (requested_at) WHERE delivered_at IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON records.fleet_removal TO dstack_api;
GRANT SELECT ON records.fleet_removal TO dstack_worker;
