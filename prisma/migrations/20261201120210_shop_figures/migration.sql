-- Sales by day are found by when payments and refunds were settled, and when disputes were posted.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation

CREATE INDEX "journal_entries_tenant_id_kind_posted_at_id_idx" ON "journal_entries"("tenant_id", "kind", "posted_at", "id");
CREATE INDEX "payments_tenant_id_settled_at_id_idx" ON "payments"("tenant_id", "settled_at", "id");
CREATE INDEX "refunds_tenant_id_settled_at_id_idx" ON "refunds"("tenant_id", "settled_at", "id");
