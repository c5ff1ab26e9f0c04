-- What people write about an order.

-- The policies hold the owner, too: without this it could not check the rows that are there. Ends below.
ALTER TABLE "orders" NO FORCE ROW LEVEL SECURITY;

CREATE TABLE "order_notes" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "text" TEXT NOT NULL,
    "author_label" TEXT NOT NULL DEFAULT '',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "order_notes_pkey" PRIMARY KEY ("tenant_id","id"),
    CONSTRAINT "order_notes_text_check" CHECK (length(text) BETWEEN 1 AND 5000)
);
CREATE INDEX "order_notes_tenant_id_order_id_created_at_id_idx" ON "order_notes"("tenant_id", "order_id", "created_at", "id");
ALTER TABLE "order_notes" ADD CONSTRAINT "order_notes_tenant_id_order_id_fkey" FOREIGN KEY ("tenant_id", "order_id") REFERENCES "orders"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE "orders" FORCE ROW LEVEL SECURITY;

SELECT app.protect('order_notes', append_only => true, writers => '{orders:write}');
