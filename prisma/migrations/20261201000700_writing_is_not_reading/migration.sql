-- Whose call an idempotency key was: who may not read the record of a call is shown that of their own calls alone. Rows of
-- before, which are kept for three days, are nobody's.
ALTER TABLE "idempotency_keys" ADD COLUMN "actor_id" UUID,
ADD COLUMN "actor_kind" "actor_kind";
GRANT UPDATE (actor_id, actor_kind) ON idempotency_keys TO bulkhead_runtime;
