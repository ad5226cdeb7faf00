-- Two roles without login. A connection logs in as the owner and says SET ROLE first thing, so one
-- URL is enough and still nobody writes what another part owns.

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['dstack_api', 'dstack_worker'] LOOP
        BEGIN
            -- Roles belong to the whole cluster: another database of it may have made them.
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        BEGIN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        EXCEPTION WHEN insufficient_privilege THEN
            IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
                RAISE EXCEPTION 'role % exists, made by another login, and % may not take it; as a superuser: %',
                    wanted, current_user, format('GRANT %I TO %I', wanted, current_user);
            END IF;
        END;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA records, views TO dstack_api, dstack_worker;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA records TO dstack_api;
REVOKE ALL ON records.instance_machine FROM dstack_api;
GRANT SELECT ON ALL TABLES IN SCHEMA views TO dstack_api;

GRANT SELECT ON ALL TABLES IN SCHEMA records TO dstack_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA views TO dstack_worker;
GRANT INSERT, UPDATE, DELETE ON records.instance_machine, records.entity_event, records.entity_event_target
    TO dstack_worker;
GRANT UPDATE (finished_at) ON records.run_submission TO dstack_worker;
GRANT UPDATE (deleted_at) ON records.fleet TO dstack_worker;
