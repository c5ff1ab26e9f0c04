-- Products and customers are sorted by their names as people sort. Prisma's schema cannot express the collation of an index,
-- so it has the index without.
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion -- before the first release: the tables are small

DROP INDEX "products_tenant_id_title_id_idx";
CREATE INDEX "products_tenant_id_title_id_idx" ON "products" ("tenant_id", "title" COLLATE "und-x-icu", "id");

DROP INDEX "customers_tenant_id_name_id_idx";
CREATE INDEX "customers_tenant_id_name_id_idx" ON "customers" ("tenant_id", "name" COLLATE "und-x-icu", "id");
