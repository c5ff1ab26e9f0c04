-- An order's sums: what was captured, refunded, is being refunded, was taken back by banks, and what is kept of it. Held by
-- CHECKs; src/orders/order-sums.ts has the definitions in words.

-- Applied at a start, in one transaction. Orders are locked while it runs, for the time that reading them takes.
-- squawk-ignore-file constraint-missing-not-valid

-- The policies hold the owner, too: without this it could not reach the rows that are there. Ends below.
ALTER TABLE orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE payments NO FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries NO FORCE ROW LEVEL SECURITY;

-- AlterTable
ALTER TABLE "orders" ADD COLUMN     "charged_back_minor" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "reduced_minor" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "refund_pending_minor" BIGINT NOT NULL DEFAULT 0,
ADD COLUMN     "returned_minor" BIGINT NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "payments" ADD COLUMN     "charged_back_minor" BIGINT NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "refunds" ADD COLUMN     "reduces_minor" BIGINT NOT NULL DEFAULT 0;

-- The rows that are there. A paid order whose last payment came after a refund was called paid although the refund was
-- outstanding: it goes back to PLACED, with what is missing to be paid; unless it has left the warehouse, where the
-- refunds count as a lower price, since nothing else can be done here. Otherwise refunds lower the price of a paid order.
-- An order that costs nothing is paid.
CREATE TEMPORARY TABLE repaired ON COMMIT DROP AS
  SELECT tenant_id, id, status, payment_status, 'PAID'::order_status AS due_status
  FROM orders WHERE status = 'PLACED' AND total_minor = 0 AND holds_stock
  UNION ALL
  SELECT o.tenant_id, o.id, o.status, o.payment_status, 'PLACED'
  FROM orders o
  WHERE o.status = 'PAID' AND o.total_minor > 0 AND EXISTS (
    SELECT FROM payments p JOIN refunds r ON r.tenant_id = p.tenant_id AND r.payment_id = p.id
    WHERE p.tenant_id = o.tenant_id AND p.order_id = o.id AND r.status <> 'FAILED' AND r.created_at < (
      SELECT max(l.settled_at) FROM payments l
      WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.status = 'SUCCEEDED'));
UPDATE refunds r SET reduces_minor = r.amount_minor
  FROM payments p JOIN orders o ON o.tenant_id = p.tenant_id AND o.id = p.order_id
  WHERE p.tenant_id = r.tenant_id AND p.id = r.payment_id AND r.status <> 'FAILED'
    AND o.status <> 'PLACED' AND o.paid_minor = o.total_minor
    AND NOT EXISTS (SELECT FROM repaired d WHERE d.tenant_id = o.tenant_id AND d.id = o.id);
UPDATE orders o SET
    refund_pending_minor = s.pending_minor, reduced_minor = s.reduced_minor, returned_minor = s.returned_minor
  FROM (
    SELECT p.tenant_id, p.order_id,
      coalesce(sum(r.amount_minor) FILTER (WHERE r.status IN ('PENDING', 'UNKNOWN')), 0) AS pending_minor,
      coalesce(sum(r.reduces_minor) FILTER (WHERE r.status <> 'FAILED'), 0) AS reduced_minor,
      coalesce(sum(r.amount_minor) FILTER (WHERE r.status = 'FAILED'), 0) AS returned_minor
    FROM refunds r JOIN payments p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id
    GROUP BY p.tenant_id, p.order_id
  ) s
  WHERE o.tenant_id = s.tenant_id AND o.id = s.order_id;
UPDATE orders o SET status = d.due_status, version = o.version + 1, updated_at = now()
  FROM repaired d WHERE o.tenant_id = d.tenant_id AND o.id = d.id;
UPDATE orders SET payment_status = due.payment_status::order_payment_status
  FROM (
    SELECT tenant_id, id, CASE
      WHEN paid_minor - refunded_minor - refund_pending_minor - charged_back_minor < total_minor - reduced_minor THEN CASE
        WHEN paid_minor - refunded_minor - refund_pending_minor - charged_back_minor > 0 THEN 'PARTIALLY_PAID'
        WHEN paid_minor = 0 THEN 'UNPAID' ELSE 'REFUNDED' END
      WHEN reduced_minor = 0 THEN 'PAID'
      WHEN paid_minor - refunded_minor - refund_pending_minor - charged_back_minor > 0 THEN 'PARTIALLY_REFUNDED'
      ELSE 'REFUNDED' END AS payment_status
    FROM orders
  ) due
  WHERE orders.tenant_id = due.tenant_id AND orders.id = due.id AND orders.payment_status <> 'PENDING'
    AND orders.payment_status::text <> due.payment_status;
INSERT INTO audit_entries
    (tenant_id, id, actor_kind, actor_label, action, subject_type, subject_id, before, after, request_id)
  SELECT o.tenant_id, gen_random_uuid(), 'SYSTEM', '', 'orderRepair', 'Order', o.id,
    jsonb_build_object('status', d.status, 'paymentStatus', d.payment_status),
    jsonb_build_object('status', o.status, 'paymentStatus', o.payment_status), 'migration'
  FROM repaired d JOIN orders o ON o.tenant_id = d.tenant_id AND o.id = d.id;
-- The job that ends the holds of orders of which nothing is kept looks for those that have run out.
UPDATE orders SET hold_expires_at = NULL WHERE status <> 'PLACED' AND hold_expires_at IS NOT NULL;
UPDATE orders SET hold_expires_at = now() + interval '24 hours'
  WHERE status = 'PLACED' AND holds_stock AND hold_expires_at IS NULL;

ALTER TABLE orders
  DROP CONSTRAINT orders_amounts_check,
  DROP CONSTRAINT orders_paid_check,
  -- Captured is never more than what was outstanding, save for what went back and returned.
  ADD CONSTRAINT orders_amounts_check CHECK (
    total_minor >= 0 AND refunded_minor >= 0 AND refund_pending_minor >= 0 AND charged_back_minor >= 0
    AND returned_minor >= 0 AND refunded_minor + refund_pending_minor <= paid_minor
    AND reduced_minor BETWEEN 0 AND least(total_minor, refunded_minor + refund_pending_minor)),
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
  ADD CONSTRAINT orders_hold_expiry_check CHECK (hold_expires_at IS NULL OR (status = 'PLACED' AND holds_stock));
ALTER TABLE payments
  ADD CONSTRAINT payments_charged_back_check CHECK (
    charged_back_minor >= 0 AND (status = 'SUCCEEDED' OR charged_back_minor = 0));
ALTER TABLE refunds
  ADD CONSTRAINT refunds_reduces_check CHECK (reduces_minor BETWEEN 0 AND amount_minor);

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

ALTER TABLE orders FORCE ROW LEVEL SECURITY;
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;

-- What was agreed, taken or asked for is not altered: only what becomes of it.
REVOKE UPDATE ON orders, payments, refunds FROM bulkhead_runtime;
GRANT UPDATE (status, payment_status, paid_minor, refunded_minor, refund_pending_minor, charged_back_minor, reduced_minor,
  returned_minor, holds_stock, hold_expires_at, cancel_reason, version, fulfilled_at, cancelled_at, updated_at)
  ON orders TO bulkhead_runtime;
GRANT UPDATE (status, refunded_minor, refund_pending_minor, charged_back_minor, fee_minor, action_url, provider_reference,
  failure_code, failure_message, attempts, attempt_expires_at, version, updated_at, settled_at) ON payments TO bulkhead_runtime;
GRANT UPDATE (status, provider_reference, failure_code, failure_message, attempts, attempt_expires_at, version, updated_at,
  settled_at) ON refunds TO bulkhead_runtime;

-- As it was, with the new sums.
CREATE OR REPLACE FUNCTION app.retained_columns(target text) RETURNS text[]
  LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE target
    WHEN 'orders' THEN '{number,status,payment_status,currency,total_minor,paid_minor,refunded_minor,refund_pending_minor,charged_back_minor,reduced_minor,returned_minor,placed_at,fulfilled_at,cancelled_at}'::text[]
    WHEN 'payments' THEN '{order_id,provider_kind,status,amount_minor,currency,refunded_minor,charged_back_minor,fee_minor,created_at,settled_at}'
    WHEN 'refunds' THEN '{payment_id,status,amount_minor,reduces_minor,currency,created_at,settled_at}'
    WHEN 'ledger_accounts' THEN '{code,name,type,currency,created_at}'
    WHEN 'journal_entries' THEN '{kind,source_type,source_id,reverses_id,posting_count,posted_at}'
    WHEN 'postings' THEN '{entry_id,position,account_id,currency,amount_minor,posted_at}'
  END
$$;
