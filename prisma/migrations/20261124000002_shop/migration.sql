-- The shop: tenants and their people, catalogue, stock, customers, orders, and what every write leaves behind.


-- CreateEnum
CREATE TYPE "product_status" AS ENUM ('DRAFT', 'ACTIVE', 'ARCHIVED');

-- CreateEnum
CREATE TYPE "stock_reason" AS ENUM ('RECEIPT', 'COUNT', 'DAMAGE', 'RETURN', 'OTHER', 'RESERVATION', 'RELEASE', 'FULFILMENT');

-- CreateEnum
CREATE TYPE "actor_kind" AS ENUM ('MEMBER', 'API_KEY', 'SYSTEM', 'SUPPORT');

-- CreateEnum
CREATE TYPE "order_status" AS ENUM ('PLACED', 'PAID', 'FULFILLED', 'CANCELLED');

-- CreateEnum
CREATE TYPE "order_payment_status" AS ENUM ('UNPAID', 'PENDING', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED');

-- CreateEnum
CREATE TYPE "member_role" AS ENUM ('OWNER', 'ADMIN', 'STAFF', 'VIEWER');

-- CreateEnum
CREATE TYPE "member_status" AS ENUM ('ACTIVE', 'REMOVED');

-- CreateTable
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

-- CreateTable
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

-- CreateTable
CREATE TABLE "stock_levels" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "variant_id" UUID NOT NULL,
    "on_hand" INTEGER NOT NULL DEFAULT 0,
    "reserved" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "stock_levels_pkey" PRIMARY KEY ("tenant_id","variant_id")
);

-- CreateTable
CREATE TABLE "stock_movements" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "variant_id" UUID NOT NULL,
    "reason" "stock_reason" NOT NULL,
    "on_hand_delta" INTEGER NOT NULL,
    "reserved_delta" INTEGER NOT NULL,
    "order_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "stock_movements_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "operation" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" BYTEA NOT NULL,
    "outcome" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("tenant_id","operation","key")
);

-- CreateTable
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

    CONSTRAINT "audit_entries_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
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

-- CreateTable
CREATE TABLE "customers" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "phone" TEXT,
    "address_line1" TEXT,
    "address_line2" TEXT,
    "city" TEXT,
    "postal_code" TEXT,
    "country" CHAR(2),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customers_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "orders" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "customer_id" UUID NOT NULL,
    "status" "order_status" NOT NULL DEFAULT 'PLACED',
    "payment_status" "order_payment_status" NOT NULL DEFAULT 'UNPAID',
    "currency" CHAR(3) NOT NULL,
    "total_minor" BIGINT NOT NULL,
    "refunded_minor" BIGINT NOT NULL DEFAULT 0,
    "cancel_reason" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "placed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "fulfilled_at" TIMESTAMPTZ(3),
    "cancelled_at" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "orders_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "order_lines" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "variant_id" UUID NOT NULL,
    "sku" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "quantity" INTEGER NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "unit_price_minor" BIGINT NOT NULL,
    "total_minor" BIGINT NOT NULL,

    CONSTRAINT "order_lines_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "tenant_counters" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "name" TEXT NOT NULL,
    "value" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "tenant_counters_pkey" PRIMARY KEY ("tenant_id","name")
);

-- CreateTable
CREATE TABLE "tenants" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "name" TEXT NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "members" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" "member_role" NOT NULL,
    "status" "member_status" NOT NULL DEFAULT 'ACTIVE',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "members_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "products_tenant_id_created_at_id_idx" ON "products"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "products_tenant_id_updated_at_id_idx" ON "products"("tenant_id", "updated_at", "id");

-- CreateIndex
CREATE INDEX "products_tenant_id_title_id_idx" ON "products"("tenant_id", "title", "id");

-- CreateIndex
CREATE INDEX "products_tenant_id_status_created_at_id_idx" ON "products"("tenant_id", "status", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "products_tenant_id_handle_key" ON "products"("tenant_id", "handle");

-- CreateIndex
CREATE INDEX "variants_tenant_id_product_id_position_id_idx" ON "variants"("tenant_id", "product_id", "position", "id");

-- CreateIndex
CREATE INDEX "variants_tenant_id_created_at_id_idx" ON "variants"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "variants_tenant_id_price_minor_id_idx" ON "variants"("tenant_id", "price_minor", "id");

-- CreateIndex
CREATE UNIQUE INDEX "variants_tenant_id_sku_key" ON "variants"("tenant_id", "sku");

-- CreateIndex
CREATE INDEX "stock_movements_tenant_id_created_at_id_idx" ON "stock_movements"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "stock_movements_tenant_id_variant_id_created_at_id_idx" ON "stock_movements"("tenant_id", "variant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "stock_movements_tenant_id_order_id_idx" ON "stock_movements"("tenant_id", "order_id");

-- CreateIndex
CREATE INDEX "idempotency_keys_tenant_id_created_at_idx" ON "idempotency_keys"("tenant_id", "created_at");

-- CreateIndex
CREATE INDEX "audit_entries_tenant_id_created_at_id_idx" ON "audit_entries"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "audit_entries_tenant_id_subject_type_subject_id_created_at_idx" ON "audit_entries"("tenant_id", "subject_type", "subject_id", "created_at");

-- CreateIndex
CREATE INDEX "outbox_events_tenant_id_created_at_id_idx" ON "outbox_events"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "customers_tenant_id_created_at_id_idx" ON "customers"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "customers_tenant_id_name_id_idx" ON "customers"("tenant_id", "name", "id");

-- CreateIndex
CREATE UNIQUE INDEX "customers_tenant_id_email_key" ON "customers"("tenant_id", "email");

-- CreateIndex
CREATE INDEX "orders_tenant_id_placed_at_id_idx" ON "orders"("tenant_id", "placed_at", "id");

-- CreateIndex
CREATE INDEX "orders_tenant_id_total_minor_id_idx" ON "orders"("tenant_id", "total_minor", "id");

-- CreateIndex
CREATE INDEX "orders_tenant_id_status_placed_at_id_idx" ON "orders"("tenant_id", "status", "placed_at", "id");

-- CreateIndex
CREATE INDEX "orders_tenant_id_customer_id_placed_at_id_idx" ON "orders"("tenant_id", "customer_id", "placed_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "orders_tenant_id_number_key" ON "orders"("tenant_id", "number");

-- CreateIndex
CREATE INDEX "order_lines_tenant_id_variant_id_idx" ON "order_lines"("tenant_id", "variant_id");

-- CreateIndex
CREATE UNIQUE INDEX "order_lines_tenant_id_order_id_position_key" ON "order_lines"("tenant_id", "order_id", "position");

-- CreateIndex
CREATE UNIQUE INDEX "members_tenant_id_email_key" ON "members"("tenant_id", "email");

-- AddForeignKey
ALTER TABLE "variants" ADD CONSTRAINT "variants_tenant_id_product_id_fkey" FOREIGN KEY ("tenant_id", "product_id") REFERENCES "products"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "stock_levels" ADD CONSTRAINT "stock_levels_tenant_id_variant_id_fkey" FOREIGN KEY ("tenant_id", "variant_id") REFERENCES "variants"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_tenant_id_variant_id_fkey" FOREIGN KEY ("tenant_id", "variant_id") REFERENCES "variants"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_tenant_id_order_id_fkey" FOREIGN KEY ("tenant_id", "order_id") REFERENCES "orders"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_tenant_id_customer_id_fkey" FOREIGN KEY ("tenant_id", "customer_id") REFERENCES "customers"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "order_lines" ADD CONSTRAINT "order_lines_tenant_id_order_id_fkey" FOREIGN KEY ("tenant_id", "order_id") REFERENCES "orders"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "order_lines" ADD CONSTRAINT "order_lines_tenant_id_variant_id_fkey" FOREIGN KEY ("tenant_id", "variant_id") REFERENCES "variants"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;


-- What Prisma's schema language cannot say.
ALTER TABLE tenants
  ADD CONSTRAINT tenants_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT tenants_name_check CHECK (length(name) BETWEEN 1 AND 255);
ALTER TABLE members
  ADD CONSTRAINT members_email_check CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320);
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
ALTER TABLE tenant_counters SET (fillfactor = 70);
ALTER TABLE customers
  ADD CONSTRAINT customers_email_check CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 320);
ALTER TABLE orders
  ADD CONSTRAINT orders_number_check CHECK (number > 0),
  ADD CONSTRAINT orders_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT orders_amounts_check CHECK (refunded_minor BETWEEN 0 AND total_minor);
ALTER TABLE order_lines
  ADD CONSTRAINT order_lines_quantity_check CHECK (quantity > 0),
  ADD CONSTRAINT order_lines_total_check CHECK (unit_price_minor >= 0 AND total_minor = unit_price_minor * quantity);
ALTER TABLE idempotency_keys
  ADD CONSTRAINT idempotency_keys_key_check CHECK (length(key) BETWEEN 1 AND 255);

SELECT app.protect('tenants');
SELECT app.protect('members');
SELECT app.protect('products');
SELECT app.protect('variants');
SELECT app.protect('stock_levels');
SELECT app.protect('stock_movements', append_only => true);
SELECT app.protect('customers');
SELECT app.protect('orders');
SELECT app.protect('order_lines', append_only => true);
SELECT app.protect('tenant_counters');
SELECT app.protect('idempotency_keys');
SELECT app.protect('audit_entries', append_only => true);
SELECT app.protect('outbox_events');

-- A tenant is made and unmade by the platform, never by a tenant's request.
REVOKE INSERT, DELETE ON tenants FROM bulkhead_runtime;

-- Makes a tenant, as the owner role: its address, its own row, its counters.
CREATE FUNCTION app.create_tenant(tenant uuid, tenant_slug text, tenant_name text, tenant_currency text) RETURNS void
  LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('app.tenant_id', tenant::text, true);
  INSERT INTO app.tenant_directory (id, slug) VALUES (tenant, tenant_slug);
  INSERT INTO public.tenants (tenant_id, name, currency) VALUES (tenant, tenant_name, tenant_currency);
  INSERT INTO public.tenant_counters (tenant_id, name, value) VALUES (tenant, 'order', 0);
END
$$;
REVOKE ALL ON FUNCTION app.create_tenant(uuid, text, text, text) FROM PUBLIC;

-- Who a verified token speaks for: at most one row, and only for an address that is a member there. Runs before a
-- tenant is known, with the owner's rights; the policy of members holds for it too, since it is forced, so it enters
-- the tenant that the token names and leaves it again.
CREATE FUNCTION app.resolve_member(tenant_key text, member_email text)
  RETURNS TABLE (tenant_id uuid, tenant_slug text, tenant_status text, member_id uuid, member_role text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
  SELECT * INTO entry FROM app.tenant_directory d WHERE d.slug = tenant_key;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('app.tenant_id', entry.id::text, true);
  RETURN QUERY
    SELECT entry.id, entry.slug, entry.status, m.id, m.role::text
    FROM public.members m
    WHERE m.tenant_id = entry.id AND m.email = lower(member_email) AND m.status = 'ACTIVE';
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
END
$$;
REVOKE ALL ON FUNCTION app.resolve_member(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.resolve_member(text, text) TO bulkhead_runtime;

-- Takes an idempotency key for the running transaction, or says what became of it. Nothing is written: the outcome
-- is, at the transaction's end. VOLATILE on purpose: the row is looked up with a snapshot taken after the lock.
CREATE FUNCTION app.claim_idempotency_key(command text, client_key text, input_fingerprint bytea)
  RETURNS TABLE (state text, outcome jsonb)
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  known public.idempotency_keys;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended(concat_ws(chr(31), tenant, command, client_key), 0)) THEN
    RETURN QUERY SELECT 'IN_USE', NULL::jsonb;
    RETURN;
  END IF;
  SELECT * INTO known FROM public.idempotency_keys k
    WHERE k.tenant_id = tenant AND k.operation = command AND k.key = client_key;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'CLAIMED', NULL::jsonb;
  ELSIF known.fingerprint = input_fingerprint THEN
    RETURN QUERY SELECT 'REPLAYED', known.outcome;
  ELSE
    RETURN QUERY SELECT 'REUSED', NULL::jsonb;
  END IF;
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

-- What a command's work hands to the statement that records it, within one transaction and without a way back to the
-- server: the fields that its audit entry and its events tell. NULL: the work refused.
CREATE FUNCTION app.leave_result(result jsonb) RETURNS void
  LANGUAGE sql VOLATILE
AS $$ SELECT set_config('app.result', coalesce(result::text, 'REFUSED'), true) $$;

-- Raises when the work refused: what it wrote is then rolled back, and nothing is recorded.
CREATE FUNCTION app.command_result() RETURNS jsonb
  LANGUAGE plpgsql STABLE
AS $$
DECLARE
  result text := coalesce(current_setting('app.result', true), '');
BEGIN
  IF result = 'REFUSED' THEN
    RAISE EXCEPTION 'the command refused its input' USING ERRCODE = 'BK003';
  END IF;
  RETURN CASE WHEN result = '' THEN '{}' ELSE result END::jsonb;
END
$$;
REVOKE ALL ON FUNCTION app.leave_result(jsonb), app.command_result() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.leave_result(jsonb), app.command_result() TO bulkhead_runtime;
