-- What every write leaves behind, in its own transaction: the answer under its idempotency key, who did it, and what others
-- are to be told.

CREATE TYPE "actor_kind" AS ENUM ('MEMBER', 'API_KEY', 'SYSTEM', 'SUPPORT', 'INVITED');

CREATE TABLE "idempotency_keys" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "operation" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "outcome" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor_id" UUID,
    "actor_kind" "actor_kind",

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("tenant_id","operation","key")
);
CREATE INDEX "idempotency_keys_tenant_id_created_at_idx" ON "idempotency_keys"("tenant_id", "created_at");

CREATE TABLE "audit_entries" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "actor_kind" "actor_kind" NOT NULL,
    "actor_id" UUID,
    "action" TEXT NOT NULL,
    "subject_type" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "before" JSONB,
    "after" JSONB,
    "request_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "actor_label" TEXT NOT NULL DEFAULT '',
    "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "audit_entries_tenant_id_created_at_id_idx" ON "audit_entries"("tenant_id", "created_at", "id");
CREATE INDEX "audit_entries_tenant_id_recorded_at_id_idx" ON "audit_entries"("tenant_id", "recorded_at", "id");
CREATE INDEX "audit_entries_tenant_id_subject_type_subject_id_created_at_idx" ON "audit_entries"("tenant_id", "subject_type", "subject_id", "created_at");
CREATE INDEX "audit_entries_tenant_id_actor_id_created_at_id_idx" ON "audit_entries"("tenant_id", "actor_id", "created_at", "id");

CREATE TABLE "outbox_events" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "subject_type" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "payload" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "outbox_events_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "outbox_events_tenant_id_created_at_id_idx" ON "outbox_events"("tenant_id", "created_at", "id");

ALTER TABLE idempotency_keys
  ADD CONSTRAINT idempotency_keys_key_check CHECK (length(key) BETWEEN 1 AND 255);

SELECT app.protect('idempotency_keys', writers => '{}');
SELECT app.protect('audit_entries', append_only => true, writers => '{}');
SELECT app.protect('outbox_events', writers => '{}');
-- The database's clock sets when an entry was recorded. A role that could set it could write entries into the past.
REVOKE INSERT ON audit_entries FROM bulkhead_runtime;
GRANT INSERT (tenant_id, id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, before, after,
  request_id, created_at) ON audit_entries TO bulkhead_runtime;

-- Takes an idempotency key for the running transaction, or says what became of it. Nothing is written: the outcome is, at
-- the transaction's end. An outcome that is stored is answered without the key's lock, so that a hundred repetitions at once
-- all get it. VOLATILE on purpose: after the lock the row is looked up with a new snapshot.
CREATE FUNCTION app.claim_idempotency_key(command text, client_key text, input_fingerprint bytea)
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
    IF NOT pg_try_advisory_xact_lock(hashtextextended(concat_ws(chr(31), tenant, command, client_key), 0)) THEN
      RETURN QUERY SELECT 'IN_USE', NULL::jsonb;
      RETURN;
    END IF;
  END LOOP;
  RETURN QUERY SELECT 'CLAIMED', NULL::jsonb;
END
$$;
REVOKE ALL ON FUNCTION app.claim_idempotency_key(text, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.claim_idempotency_key(text, text, bytea) TO bulkhead_runtime;

-- The same as a statement that raises unless the key is free: sent ahead of a transaction's first statement, which is
-- then not run.
CREATE FUNCTION app.take_idempotency_key(command text, client_key text, fingerprint_hex text) RETURNS void
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  key_state text;
BEGIN
  SELECT state INTO key_state FROM app.claim_idempotency_key(command, client_key, decode(fingerprint_hex, 'hex'));
  IF key_state <> 'CLAIMED' THEN
    RAISE EXCEPTION 'the idempotency key is not free' USING ERRCODE = 'BK002';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION app.take_idempotency_key(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.take_idempotency_key(text, text, text) TO bulkhead_runtime;
