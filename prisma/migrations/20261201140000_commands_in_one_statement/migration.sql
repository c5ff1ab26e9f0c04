-- A command that is one statement takes its key, does its work and records it in that statement.
-- app.set_command_result and app.take_command_result stay for servers of the release before.

-- Takes the lock of an idempotency key until the transaction ends; false: another transaction has it.
CREATE FUNCTION app.lock_idempotency_key(command text, client_key text) RETURNS boolean
  LANGUAGE sql VOLATILE
  RETURN pg_try_advisory_xact_lock(hashtextextended(concat_ws(chr(31), app.tenant_id(), command, client_key), 0));
REVOKE ALL ON FUNCTION app.lock_idempotency_key(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.lock_idempotency_key(text, text) TO bulkhead_runtime;

CREATE OR REPLACE FUNCTION app.claim_idempotency_key(command text, client_key text, input_fingerprint bytea)
  RETURNS TABLE (state text, outcome jsonb)
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  known public.idempotency_keys;
BEGIN
  FOR attempt IN 1..2 LOOP
    SELECT * INTO known FROM public.idempotency_keys k
      WHERE k.tenant_id = tenant AND k.operation = command AND k.key = client_key;
    IF FOUND THEN
      RETURN QUERY SELECT
        CASE WHEN known.fingerprint = input_fingerprint THEN 'REPLAYED' ELSE 'REUSED' END,
        CASE WHEN known.fingerprint = input_fingerprint THEN known.outcome END;
      RETURN;
    END IF;
    -- Looked up again with the lock: whoever had it may have stored an outcome since.
    EXIT WHEN attempt = 2;
    IF NOT app.lock_idempotency_key(command, client_key) THEN
      RETURN QUERY SELECT 'IN_USE', NULL::jsonb;
      RETURN;
    END IF;
  END LOOP;
  RETURN QUERY SELECT 'CLAIMED', NULL::jsonb;
END
$$;

-- Ends such a statement whose key was not free (BK002), or whose work refused its input (BK003): nothing of it is kept.
CREATE FUNCTION app.undo_command(reason text) RETURNS text
  LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
  RAISE EXCEPTION 'the command is undone' USING ERRCODE = reason;
END
$$;
REVOKE ALL ON FUNCTION app.undo_command(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.undo_command(text) TO bulkhead_runtime;
