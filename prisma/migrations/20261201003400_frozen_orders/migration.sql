-- An order is what was agreed: buyer and addresses are frozen into it. They are copied from its customer, as he is now, for
-- the orders that are there.

-- Applied at a start, in one transaction. Orders are locked while it runs, for the time that writing them takes.
-- squawk-ignore-file constraint-missing-not-valid

-- The policies hold the owner, too: without this it could not reach the rows that are there. Ends below.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;

-- AlterTable
ALTER TABLE "orders" ADD COLUMN     "billing_address" JSONB,
ADD COLUMN     "buyer" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN     "shipping_address" JSONB;

-- What an order takes over from its customer where nothing else was agreed. No address: null.
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

UPDATE orders o SET buyer = app.buyer_of(c), shipping_address = app.address_of(c), billing_address = app.address_of(c)
  FROM customers c WHERE c.tenant_id = o.tenant_id AND c.id = o.customer_id;

ALTER TABLE orders
  ADD CONSTRAINT orders_buyer_check CHECK (jsonb_typeof(buyer) = 'object' AND length(buyer::text) <= 10000),
  ADD CONSTRAINT orders_shipping_address_check CHECK (
    shipping_address IS NULL OR (jsonb_typeof(shipping_address) = 'object' AND length(shipping_address::text) <= 10000)),
  ADD CONSTRAINT orders_billing_address_check CHECK (
    billing_address IS NULL OR (jsonb_typeof(billing_address) = 'object' AND length(billing_address::text) <= 10000));

ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;

-- No right to update what is new: the runtime role has that column by column.
