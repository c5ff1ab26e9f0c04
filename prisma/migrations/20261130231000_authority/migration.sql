-- Authority is symmetric: what somebody began or may still begin ends with what they may do, and a job is queued only by
-- a permission that may have it done.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation

-- The tasks that may be queued, each with the permissions of which one queues it; `system` is nobody's, so that only the
-- system's own work has it. A new task is a row here and in the code's own table, which the doctor compares with this one.
CREATE TABLE app.tasks (
  name      text PRIMARY KEY,
  queued_by text[] NOT NULL CHECK (cardinality(queued_by) > 0)
);
REVOKE ALL ON app.tasks FROM PUBLIC;
INSERT INTO app.tasks (name, queued_by) VALUES
  ('payment.reconcile', '{payments:take}'),
  ('payment.fee', '{payments:take}'),
  ('refund.reconcile', '{payments:refund}'),
  ('invitation.mail', '{members:manage}'),
  ('tenant.export', '{tenant:manage}'),
  ('provider-event.process', '{system}'),
  ('order.release-holds', '{system}'),
  ('idempotency.clean', '{system}'),
  ('tenant.clean-exports', '{system}'),
  ('integrity.check', '{system}'),
  ('audit.seal', '{system}');

CREATE FUNCTION app.queueable_tasks() RETURNS TABLE (name text, queued_by text[])
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.name, t.queued_by FROM app.tasks t $$;
REVOKE ALL ON FUNCTION app.queueable_tasks() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.queueable_tasks() TO bulkhead_runtime;

-- As it was, and: a job is done with every permission, so it is queued only by one that its task names. A key begins with
-- the task's name: a job takes the place of one of its own task, and of no other.
CREATE OR REPLACE FUNCTION app.enqueue(
    task text, payload jsonb, job_key text DEFAULT NULL, run_at timestamptz DEFAULT NULL, attempts_max integer DEFAULT 25)
  RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  lanes constant integer := 2;
  lane integer := abs(hashtext(coalesce(job_key, gen_random_uuid()::text))::bigint) % lanes;
  needed text[] := (SELECT t.queued_by FROM app.tasks t WHERE t.name = task);
BEGIN
  -- Asked in any case, so that who may write nothing learns no names of tasks.
  PERFORM app.may_write(coalesce(needed, '{}'));
  IF needed IS NULL THEN
    RAISE EXCEPTION 'app.tasks has no task %', task USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT starts_with(job_key, task || ':') THEN
    RAISE EXCEPTION 'the key of a job begins with its task''s name and a colon' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF jsonb_typeof(payload) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a job''s payload must be an object' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM graphile_worker.add_job(
    identifier => task,
    payload => (payload || jsonb_build_object('tenantId', tenant))::json,
    queue_name => tenant || ':' || lane,
    run_at => run_at,
    max_attempts => attempts_max,
    job_key => tenant || ':' || job_key);
END
$$;

-- Who invited: a member's id, or a key's; NULL: the platform. Like api_keys.created_by_id it refers to one of two tables.
ALTER TABLE invitations ADD COLUMN "invited_by_id" UUID;
GRANT UPDATE (invited_by_id) ON invitations TO bulkhead_runtime;
-- Of the invitations of before, the audit knows.
ALTER TABLE invitations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY;
UPDATE invitations i SET invited_by_id = a.actor_id FROM audit_entries a
  WHERE a.tenant_id = i.tenant_id AND a.subject_type = 'Invitation' AND a.subject_id = i.id AND a.action = 'memberInvite'
    AND coalesce(a.before, 'null') = 'null';
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;

-- Open invitations end with the authority of who sent them, whatever the SQL that takes it: all of a member who was removed
-- or may not invite any more, and of an administrator who was an owner those to a role above theirs now. The roles' order is
-- the type's own; that ADMIN is the least that invites is the code's table, and held equal by a test. With the owner's rights,
-- since who may end a key need not be one who may end invitations.
CREATE FUNCTION app.end_invitations_of_member() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE public.invitations i SET status = 'REVOKED', token_hash = NULL, updated_at = now()
    WHERE i.tenant_id = OLD.tenant_id AND i.invited_by_id = OLD.id AND i.status = 'PENDING'
      AND (NEW.status <> 'ACTIVE' OR NEW.role > 'ADMIN' OR i.role < NEW.role);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.end_invitations_of_member() FROM PUBLIC;
CREATE TRIGGER members_end_invitations AFTER UPDATE OF role, status ON members
  FOR EACH ROW WHEN (NEW.role > OLD.role OR NEW.status <> 'ACTIVE')
  EXECUTE FUNCTION app.end_invitations_of_member();

CREATE FUNCTION app.end_invitations_of_key() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE public.invitations i SET status = 'REVOKED', token_hash = NULL, updated_at = now()
    WHERE i.tenant_id = OLD.tenant_id AND i.invited_by_id = OLD.id AND i.status = 'PENDING';
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.end_invitations_of_key() FROM PUBLIC;
CREATE TRIGGER api_keys_end_invitations AFTER UPDATE OF revoked_at ON api_keys
  FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
  EXECUTE FUNCTION app.end_invitations_of_key();
