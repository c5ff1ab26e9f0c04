-- Tags of orders. An array would have no index behind row-level security: its operators are not leakproof.

-- The policies hold the owner, too: without this it could not check the rows that are there. Ends below.
ALTER TABLE "orders" NO FORCE ROW LEVEL SECURITY;

CREATE TABLE "order_tags" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "order_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "tag" TEXT NOT NULL,
    "folded" TEXT NOT NULL,

    CONSTRAINT "order_tags_pkey" PRIMARY KEY ("tenant_id","order_id","position"),
    -- With the key, at most 25 tags of an order.
    CONSTRAINT "order_tags_position_check" CHECK (position BETWEEN 0 AND 24),
    CONSTRAINT "order_tags_tag_check" CHECK (length(tag) BETWEEN 1 AND 40),
    -- Folding lengthens some letters.
    CONSTRAINT "order_tags_folded_check" CHECK (length(folded) BETWEEN 1 AND 80)
);
CREATE UNIQUE INDEX "order_tags_tenant_id_folded_order_id_key" ON "order_tags"("tenant_id", "folded", "order_id");
ALTER TABLE "order_tags" ADD CONSTRAINT "order_tags_tenant_id_order_id_fkey" FOREIGN KEY ("tenant_id", "order_id") REFERENCES "orders"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE "orders" FORCE ROW LEVEL SECURITY;

-- Replaced, never updated.
SELECT app.protect('order_tags', writers => '{orders:write}', frozen => '{order_id,position,tag,folded}');
