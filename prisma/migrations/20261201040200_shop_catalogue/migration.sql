-- What a merchant sells, and how much of it there is.

CREATE TYPE "product_status" AS ENUM ('DRAFT', 'ACTIVE', 'ARCHIVED');

CREATE TABLE "products" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "handle" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "vendor" TEXT NOT NULL DEFAULT '',
    "category" TEXT NOT NULL DEFAULT '',
    "status" "product_status" NOT NULL DEFAULT 'ACTIVE',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "products_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "products_tenant_id_created_at_id_idx" ON "products"("tenant_id", "created_at", "id");
CREATE INDEX "products_tenant_id_updated_at_id_idx" ON "products"("tenant_id", "updated_at", "id");
CREATE INDEX "products_tenant_id_title_id_idx" ON "products"("tenant_id", "title", "id");
CREATE INDEX "products_tenant_id_status_created_at_id_idx" ON "products"("tenant_id", "status", "created_at", "id");
CREATE UNIQUE INDEX "products_tenant_id_handle_key" ON "products"("tenant_id", "handle");

CREATE TABLE "variants" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "product_id" UUID NOT NULL,
    "sku" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "price_minor" BIGINT NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "position" INTEGER NOT NULL DEFAULT 0,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "variants_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "variants_tenant_id_product_id_position_id_idx" ON "variants"("tenant_id", "product_id", "position", "id");
CREATE INDEX "variants_tenant_id_created_at_id_idx" ON "variants"("tenant_id", "created_at", "id");
CREATE INDEX "variants_tenant_id_price_minor_id_idx" ON "variants"("tenant_id", "price_minor", "id");
CREATE UNIQUE INDEX "variants_tenant_id_sku_key" ON "variants"("tenant_id", "sku");
ALTER TABLE "variants" ADD CONSTRAINT "variants_tenant_id_product_id_fkey" FOREIGN KEY ("tenant_id", "product_id") REFERENCES "products"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

CREATE TABLE "stock_levels" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "variant_id" UUID NOT NULL,
    "on_hand" INTEGER NOT NULL DEFAULT 0,
    "reserved" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "stock_levels_pkey" PRIMARY KEY ("tenant_id","variant_id")
);
ALTER TABLE "stock_levels" ADD CONSTRAINT "stock_levels_tenant_id_variant_id_fkey" FOREIGN KEY ("tenant_id", "variant_id") REFERENCES "variants"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE products
  ADD CONSTRAINT products_title_check CHECK (length(title) BETWEEN 1 AND 255);
ALTER TABLE variants
  ADD CONSTRAINT variants_price_check CHECK (price_minor >= 0),
  ADD CONSTRAINT variants_currency_check CHECK (currency ~ '^[A-Z]{3}$');
ALTER TABLE stock_levels
  ADD CONSTRAINT stock_levels_reserved_check CHECK (reserved >= 0),
  ADD CONSTRAINT stock_levels_on_hand_check CHECK (on_hand >= reserved);
-- Rows of a few dozen bytes that change with every sale: room in the page keeps their updates off the index.
ALTER TABLE stock_levels SET (fillfactor = 70);

SELECT app.protect('products', writers => '{catalogue:write}');
SELECT app.protect('variants', writers => '{catalogue:write}');
SELECT app.protect('stock_levels', writers => '{catalogue:write,stock:write,orders:write,payments:take,payments:refund}');
