-- Jobs: how a tenant's work is queued. The queue's own tables are graphile-worker's, in a schema of their own, made after the
-- migrations when the database is brought up to date.

-- The tasks that may be queued, each with the permissions of which one queues it; `system` is nobody's, so that only the
-- system's own work has it. A new task is a row here, in its module's migration, and in the code's own table, which the
-- doctor compares with this one.
CREATE TABLE app.tasks (
  name      text PRIMARY KEY,
  queued_by text[] NOT NULL CHECK (cardinality(queued_by) > 0)
);
REVOKE ALL ON app.tasks FROM PUBLIC;

CREATE FUNCTION app.queueable_tasks() RETURNS TABLE (name text, queued_by text[])
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT t.name, t.queued_by FROM app.tasks t $$;
REVOKE ALL ON FUNCTION app.queueable_tasks() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.queueable_tasks() TO bulkhead_runtime;

-- Queues a job of the running transaction's tenant, in that transaction. The tenant is stamped here, whatever the payload
-- says. A job is done with every permission, so it is queued only by one that its task names. A job with a key takes the
-- place of one that waits under the same key; the key begins with the task's name, so that it takes no other task's. Each
-- tenant has a few lanes, and a lane runs one job at a time: so nobody's thousand jobs are in front of another's one.
CREATE FUNCTION app.enqueue(
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
REVOKE ALL ON FUNCTION app.enqueue(text, jsonb, text, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.enqueue(text, jsonb, text, timestamptz, integer) TO bulkhead_runtime;
