-- Products are filtered by vendor and category, and variants by those of their products.
-- squawk-ignore-file require-concurrent-index-creation -- before the first release: the table is small

CREATE INDEX "products_tenant_id_vendor_created_at_id_idx" ON "products"("tenant_id", "vendor", "created_at", "id");
CREATE INDEX "products_tenant_id_category_created_at_id_idx" ON "products"("tenant_id", "category", "created_at", "id");

-- The planner knows how frequent 100 values are, and takes any other for as frequent as the average: a rare vendor's variants were
-- then looked for among all variants.
ALTER TABLE products ALTER vendor SET STATISTICS 1000, ALTER category SET STATISTICS 1000;
