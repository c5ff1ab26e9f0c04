-- A payment's disputes are listed by when they were opened.
-- squawk-ignore require-concurrent-index-creation -- a payment seldom has one: the table is small
CREATE INDEX "disputes_tenant_id_payment_id_opened_at_id_idx" ON "disputes"("tenant_id", "payment_id", "opened_at", "id");
