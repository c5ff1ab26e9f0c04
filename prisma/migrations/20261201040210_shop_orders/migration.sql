-- Customers, and what they ordered.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation

CREATE TYPE "order_status" AS ENUM ('PLACED', 'PAID', 'FULFILLED', 'CANCELLED');
CREATE TYPE "order_payment_status" AS ENUM ('UNPAID', 'PENDING', 'PARTIALLY_PAID', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED');
CREATE TYPE "stock_reason" AS ENUM ('RECEIPT', 'COUNT', 'DAMAGE', 'RETURN', 'OTHER', 'RESERVATION', 'RELEASE', 'FULFILMENT');

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
CREATE INDEX "customers_tenant_id_created_at_id_idx" ON "customers"("tenant_id", "created_at", "id");
CREATE INDEX "customers_tenant_id_name_id_idx" ON "customers"("tenant_id", "name", "id");
CREATE UNIQUE INDEX "customers_tenant_id_email_key" ON "customers"("tenant_id", "email");

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
    "hold_expires_at" TIMESTAMPTZ(3),
    "holds_stock" BOOLEAN NOT NULL DEFAULT true,
    "paid_minor" BIGINT NOT NULL DEFAULT 0,
    "charged_back_minor" BIGINT NOT NULL DEFAULT 0,
    "reduced_minor" BIGINT NOT NULL DEFAULT 0,
    "refund_pending_minor" BIGINT NOT NULL DEFAULT 0,
    "returned_minor" BIGINT NOT NULL DEFAULT 0,
    "billing_address" JSONB,
    "buyer" JSONB NOT NULL DEFAULT '{}',
    "shipping_address" JSONB,

    CONSTRAINT "orders_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "orders_tenant_id_placed_at_id_idx" ON "orders"("tenant_id", "placed_at", "id");
CREATE INDEX "orders_tenant_id_total_minor_id_idx" ON "orders"("tenant_id", "total_minor", "id");
CREATE INDEX "orders_tenant_id_status_placed_at_id_idx" ON "orders"("tenant_id", "status", "placed_at", "id");
CREATE INDEX "orders_tenant_id_customer_id_placed_at_id_idx" ON "orders"("tenant_id", "customer_id", "placed_at", "id");
CREATE UNIQUE INDEX "orders_tenant_id_id_currency_key" ON "orders"("tenant_id", "id", "currency");
CREATE UNIQUE INDEX "orders_tenant_id_number_key" ON "orders"("tenant_id", "number");
ALTER TABLE "orders" ADD CONSTRAINT "orders_tenant_id_customer_id_fkey" FOREIGN KEY ("tenant_id", "customer_id") REFERENCES "customers"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

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
CREATE INDEX "order_lines_tenant_id_variant_id_idx" ON "order_lines"("tenant_id", "variant_id");
CREATE UNIQUE INDEX "order_lines_tenant_id_order_id_position_key" ON "order_lines"("tenant_id", "order_id", "position");
ALTER TABLE "order_lines" ADD CONSTRAINT "order_lines_tenant_id_order_id_fkey" FOREIGN KEY ("tenant_id", "order_id") REFERENCES "orders"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "order_lines" ADD CONSTRAINT "order_lines_tenant_id_variant_id_fkey" FOREIGN KEY ("tenant_id", "variant_id") REFERENCES "variants"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

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
CREATE INDEX "stock_movements_tenant_id_created_at_id_idx" ON "stock_movements"("tenant_id", "created_at", "id");
CREATE INDEX "stock_movements_tenant_id_variant_id_created_at_id_idx" ON "stock_movements"("tenant_id", "variant_id", "created_at", "id");
CREATE INDEX "stock_movements_tenant_id_order_id_idx" ON "stock_movements"("tenant_id", "order_id");
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_tenant_id_variant_id_fkey" FOREIGN KEY ("tenant_id", "variant_id") REFERENCES "variants"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "stock_movements" ADD CONSTRAINT "stock_movements_tenant_id_order_id_fkey" FOREIGN KEY ("tenant_id", "order_id") REFERENCES "orders"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

CREATE TABLE "tenant_counters" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "name" TEXT NOT NULL,
    "value" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "tenant_counters_pkey" PRIMARY KEY ("tenant_id","name")
);

-- A shop's customers are no identities here: one whose address cannot be written to may stay.
ALTER TABLE customers
  ADD CONSTRAINT customers_email_check CHECK (email = app.normalize_email(email) AND length(email) BETWEEN 3 AND 320);
-- The sums of an order's money are defined in src/shop/orders/order-sums.ts.
ALTER TABLE orders
  ADD CONSTRAINT orders_number_check CHECK (number > 0),
  ADD CONSTRAINT orders_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT orders_amounts_check CHECK (
    total_minor >= 0 AND refunded_minor >= 0 AND refund_pending_minor >= 0 AND charged_back_minor >= 0
    AND returned_minor >= 0 AND refunded_minor + refund_pending_minor <= paid_minor
    AND reduced_minor BETWEEN 0 AND least(total_minor, refunded_minor + refund_pending_minor)),
  -- Captured is never more than what was outstanding, save for what went back and returned.
  ADD CONSTRAINT orders_captured_check CHECK (
    paid_minor <= total_minor + refunded_minor + refund_pending_minor + charged_back_minor + returned_minor),
  -- A placed order that holds its stock is not paid; of a paid one all was kept but what has lowered its price, and what
  -- a bank took back since.
  ADD CONSTRAINT orders_status_check CHECK (CASE status
    WHEN 'PLACED' THEN reduced_minor = 0 AND (
      NOT holds_stock OR paid_minor - refunded_minor - refund_pending_minor - charged_back_minor < total_minor)
    WHEN 'CANCELLED' THEN true
    ELSE paid_minor - refunded_minor - refund_pending_minor + reduced_minor >= total_minor END),
  ADD CONSTRAINT orders_payment_status_check CHECK (payment_status::text IN ('PENDING', CASE
    WHEN paid_minor - refunded_minor - refund_pending_minor - charged_back_minor < total_minor - reduced_minor THEN CASE
      WHEN paid_minor - refunded_minor - refund_pending_minor - charged_back_minor > 0 THEN 'PARTIALLY_PAID'
      WHEN paid_minor = 0 THEN 'UNPAID' ELSE 'REFUNDED' END
    WHEN reduced_minor = 0 THEN 'PAID'
    WHEN paid_minor - refunded_minor - refund_pending_minor - charged_back_minor > 0 THEN 'PARTIALLY_REFUNDED'
    ELSE 'REFUNDED' END)),
  ADD CONSTRAINT orders_holds_stock_check CHECK (CASE status
    WHEN 'PAID' THEN holds_stock WHEN 'PLACED' THEN true ELSE NOT holds_stock END),
  ADD CONSTRAINT orders_hold_expiry_check CHECK (hold_expires_at IS NULL OR (status = 'PLACED' AND holds_stock)),
  ADD CONSTRAINT orders_buyer_check CHECK (jsonb_typeof(buyer) = 'object' AND length(buyer::text) <= 10000),
  ADD CONSTRAINT orders_shipping_address_check CHECK (
    shipping_address IS NULL OR (jsonb_typeof(shipping_address) = 'object' AND length(shipping_address::text) <= 10000)),
  ADD CONSTRAINT orders_billing_address_check CHECK (
    billing_address IS NULL OR (jsonb_typeof(billing_address) = 'object' AND length(billing_address::text) <= 10000));
-- What the job that lets go of unpaid orders' stock looks for.
CREATE INDEX orders_tenant_id_hold_expires_at_idx ON orders (tenant_id, hold_expires_at)
  WHERE holds_stock AND status = 'PLACED' AND hold_expires_at IS NOT NULL;
ALTER TABLE order_lines
  ADD CONSTRAINT order_lines_quantity_check CHECK (quantity > 0),
  ADD CONSTRAINT order_lines_total_check CHECK (unit_price_minor >= 0 AND total_minor = unit_price_minor * quantity);
-- As stock_levels: a row that changes with every sale.
ALTER TABLE tenant_counters SET (fillfactor = 70);

SELECT app.protect('customers', writers => '{customers:write}');
-- What was agreed is not altered: only what becomes of it.
SELECT app.protect('orders', writers => '{orders:write,payments:take,payments:refund}',
  frozen => '{id,number,customer_id,currency,total_minor,placed_at,billing_address,buyer,shipping_address}');
SELECT app.protect('order_lines', append_only => true, writers => '{orders:write}');
SELECT app.protect('stock_movements', append_only => true,
  writers => '{catalogue:write,stock:write,orders:write,payments:take,payments:refund}');
SELECT app.protect('tenant_counters', writers => '{orders:write}');

-- Where an order may go from where it is, with the money that there is at that moment: what money may do to it afterwards
-- is the CHECKs' to say.
CREATE FUNCTION app.check_order_move() RETURNS trigger
  LANGUAGE plpgsql
AS $$
DECLARE
  kept bigint := NEW.paid_minor - NEW.refunded_minor - NEW.refund_pending_minor - NEW.charged_back_minor;
BEGIN
  IF (CASE NEW.status
    WHEN 'PAID' THEN OLD.status = 'PLACED'
    WHEN 'FULFILLED' THEN OLD.status = 'PAID' AND kept >= NEW.total_minor - NEW.reduced_minor
      AND (kept > 0 OR NEW.total_minor = 0)
    WHEN 'CANCELLED' THEN OLD.status IN ('PLACED', 'PAID') AND kept <= 0 AND NEW.refund_pending_minor = 0
      AND NEW.payment_status <> 'PENDING'
    ELSE false END)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'an order that is % with % kept of % does not become %', OLD.status, kept, NEW.total_minor, NEW.status
    USING ERRCODE = 'BK012';
END
$$;
REVOKE ALL ON FUNCTION app.check_order_move() FROM PUBLIC;
CREATE TRIGGER orders_move BEFORE UPDATE OF status ON orders
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION app.check_order_move();

-- What an order takes over from its customer where nothing else was agreed, and keeps when the customer changes. No address:
-- null.
CREATE FUNCTION app.buyer_of(customer customers) RETURNS jsonb
  LANGUAGE sql IMMUTABLE
AS $$
  SELECT jsonb_build_object('name', customer.name, 'email', customer.email, 'phone', customer.phone)
$$;
CREATE FUNCTION app.address_of(customer customers) RETURNS jsonb
  LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE WHEN num_nonnulls(customer.address_line1, customer.address_line2, customer.city, customer.postal_code,
      customer.country) > 0
    THEN jsonb_build_object('name', customer.name, 'line1', customer.address_line1, 'line2', customer.address_line2,
      'city', customer.city, 'postalCode', customer.postal_code, 'country', customer.country) END
$$;
REVOKE ALL ON FUNCTION app.buyer_of(customers), app.address_of(customers) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.buyer_of(customers), app.address_of(customers) TO bulkhead_runtime;

INSERT INTO app.tasks (name, queued_by) VALUES ('order.release-holds', '{system}');
