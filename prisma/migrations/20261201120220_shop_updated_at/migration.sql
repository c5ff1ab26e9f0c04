-- Lists are sorted and filtered by when a record was changed, so that a copy can be kept in step; payments by their amount.
-- squawk-ignore-file require-concurrent-index-creation -- before the first release: the tables are small

CREATE INDEX "variants_tenant_id_updated_at_id_idx" ON "variants"("tenant_id", "updated_at", "id");
CREATE INDEX "customers_tenant_id_updated_at_id_idx" ON "customers"("tenant_id", "updated_at", "id");
CREATE INDEX "orders_tenant_id_updated_at_id_idx" ON "orders"("tenant_id", "updated_at", "id");
CREATE INDEX "payments_tenant_id_updated_at_id_idx" ON "payments"("tenant_id", "updated_at", "id");
CREATE INDEX "payments_tenant_id_amount_minor_id_idx" ON "payments"("tenant_id", "amount_minor", "id");
CREATE INDEX "refunds_tenant_id_updated_at_id_idx" ON "refunds"("tenant_id", "updated_at", "id");
CREATE INDEX "disputes_tenant_id_updated_at_id_idx" ON "disputes"("tenant_id", "updated_at", "id");
