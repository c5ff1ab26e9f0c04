-- Money: payments, refunds, the provider's account and its events, and the double-entry ledger.
--
-- Orders are locked while it runs, for the time that reading them takes: nobody has sold enough yet for a migration
-- in steps to be worth what it could leave half done.
-- squawk-ignore-file require-concurrent-index-creation, constraint-missing-not-valid

-- The policies hold the owner, too: without this it could not check the rows that are there. Ends below.
ALTER TABLE "orders" NO FORCE ROW LEVEL SECURITY;

-- CreateEnum
CREATE TYPE "ledger_account_type" AS ENUM ('ASSET', 'LIABILITY', 'EQUITY', 'REVENUE', 'EXPENSE');

-- CreateEnum
CREATE TYPE "journal_entry_kind" AS ENUM ('SALE', 'REFUND', 'FEE', 'PAYOUT', 'REVERSAL');

-- CreateEnum
CREATE TYPE "payment_provider_kind" AS ENUM ('STRIPE', 'SANDBOX', 'MANUAL');

-- CreateEnum
CREATE TYPE "payment_provider_status" AS ENUM ('ACTIVE', 'REPLACED');

-- CreateEnum
CREATE TYPE "payment_status" AS ENUM ('PENDING', 'UNKNOWN', 'SUCCEEDED', 'FAILED');

-- CreateEnum
CREATE TYPE "provider_event_status" AS ENUM ('PROCESSED', 'IGNORED', 'FAILED');

-- AlterEnum
ALTER TYPE "order_payment_status" ADD VALUE 'PARTIALLY_PAID' BEFORE 'PAID';

-- AlterTable
ALTER TABLE "orders" ADD COLUMN "hold_expires_at" TIMESTAMPTZ(3),
ADD COLUMN "holds_stock" BOOLEAN NOT NULL DEFAULT true,
ADD COLUMN "paid_minor" BIGINT NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "ledger_accounts" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "code" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "type" "ledger_account_type" NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "ledger_accounts_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "journal_entries" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "kind" "journal_entry_kind" NOT NULL,
    "source_type" TEXT NOT NULL,
    "source_id" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "reverses_id" UUID,
    "posting_count" INTEGER NOT NULL,
    "posted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "journal_entries_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "postings" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "entry_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "account_id" UUID NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "amount_minor" BIGINT NOT NULL,
    "posted_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "postings_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "payment_providers" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "kind" "payment_provider_kind" NOT NULL,
    "status" "payment_provider_status" NOT NULL DEFAULT 'ACTIVE',
    "account_reference" TEXT NOT NULL,
    "account_name" TEXT NOT NULL DEFAULT '',
    "live_mode" BOOLEAN NOT NULL DEFAULT false,
    "secret_key" BYTEA NOT NULL,
    "webhook_secret" BYTEA NOT NULL,
    "sealing_key_id" TEXT NOT NULL,
    "endpoint_reference" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "replaced_at" TIMESTAMPTZ(3),

    CONSTRAINT "payment_providers_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "payments" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "order_id" UUID NOT NULL,
    "provider_kind" "payment_provider_kind" NOT NULL,
    "provider_id" UUID,
    "status" "payment_status" NOT NULL DEFAULT 'PENDING',
    "amount_minor" BIGINT NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "refunded_minor" BIGINT NOT NULL DEFAULT 0,
    "refund_pending_minor" BIGINT NOT NULL DEFAULT 0,
    "fee_minor" BIGINT,
    "method" TEXT NOT NULL,
    "return_url" TEXT,
    "action_url" TEXT,
    "provider_reference" TEXT,
    "failure_code" TEXT,
    "failure_message" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "attempt_expires_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "payments_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "refunds" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "payment_id" UUID NOT NULL,
    "status" "payment_status" NOT NULL DEFAULT 'PENDING',
    "amount_minor" BIGINT NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "reason" TEXT,
    "provider_reference" TEXT,
    "failure_code" TEXT,
    "failure_message" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "attempt_expires_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "settled_at" TIMESTAMPTZ(3),

    CONSTRAINT "refunds_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "provider_events" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "provider_id" UUID NOT NULL,
    "reference" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "status" "provider_event_status" NOT NULL,
    "payload" JSONB NOT NULL,
    "error" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 1,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "processed_at" TIMESTAMPTZ(3),

    CONSTRAINT "provider_events_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "ledger_accounts_tenant_id_code_currency_key" ON "ledger_accounts"("tenant_id", "code", "currency");

-- CreateIndex
CREATE UNIQUE INDEX "ledger_accounts_tenant_id_id_currency_key" ON "ledger_accounts"("tenant_id", "id", "currency");

-- CreateIndex
CREATE INDEX "journal_entries_tenant_id_posted_at_id_idx" ON "journal_entries"("tenant_id", "posted_at", "id");

-- CreateIndex
CREATE INDEX "journal_entries_tenant_id_source_type_source_id_idx" ON "journal_entries"("tenant_id", "source_type", "source_id");

-- CreateIndex
CREATE UNIQUE INDEX "journal_entries_tenant_id_kind_source_type_source_id_key" ON "journal_entries"("tenant_id", "kind", "source_type", "source_id");

-- CreateIndex
CREATE UNIQUE INDEX "journal_entries_tenant_id_reverses_id_key" ON "journal_entries"("tenant_id", "reverses_id");

-- CreateIndex
CREATE INDEX "postings_tenant_id_account_id_posted_at_id_idx" ON "postings"("tenant_id", "account_id", "posted_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "postings_tenant_id_entry_id_position_key" ON "postings"("tenant_id", "entry_id", "position");

-- CreateIndex
CREATE INDEX "payment_providers_tenant_id_created_at_id_idx" ON "payment_providers"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "payments_tenant_id_created_at_id_idx" ON "payments"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "payments_tenant_id_status_created_at_id_idx" ON "payments"("tenant_id", "status", "created_at", "id");

-- CreateIndex
CREATE INDEX "payments_tenant_id_order_id_created_at_id_idx" ON "payments"("tenant_id", "order_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "payments_tenant_id_id_currency_key" ON "payments"("tenant_id", "id", "currency");

-- CreateIndex
CREATE UNIQUE INDEX "payments_tenant_id_provider_id_provider_reference_key" ON "payments"("tenant_id", "provider_id", "provider_reference");

-- CreateIndex
CREATE INDEX "refunds_tenant_id_created_at_id_idx" ON "refunds"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "refunds_tenant_id_status_created_at_id_idx" ON "refunds"("tenant_id", "status", "created_at", "id");

-- CreateIndex
CREATE INDEX "refunds_tenant_id_payment_id_created_at_id_idx" ON "refunds"("tenant_id", "payment_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "refunds_tenant_id_payment_id_provider_reference_key" ON "refunds"("tenant_id", "payment_id", "provider_reference");

-- CreateIndex
CREATE INDEX "provider_events_tenant_id_received_at_id_idx" ON "provider_events"("tenant_id", "received_at", "id");

-- CreateIndex
CREATE INDEX "provider_events_tenant_id_status_received_at_id_idx" ON "provider_events"("tenant_id", "status", "received_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "provider_events_tenant_id_provider_id_reference_key" ON "provider_events"("tenant_id", "provider_id", "reference");

-- CreateIndex
CREATE UNIQUE INDEX "orders_tenant_id_id_currency_key" ON "orders"("tenant_id", "id", "currency");

-- AddForeignKey
ALTER TABLE "journal_entries" ADD CONSTRAINT "journal_entries_tenant_id_reverses_id_fkey" FOREIGN KEY ("tenant_id", "reverses_id") REFERENCES "journal_entries"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "postings" ADD CONSTRAINT "postings_tenant_id_entry_id_fkey" FOREIGN KEY ("tenant_id", "entry_id") REFERENCES "journal_entries"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "postings" ADD CONSTRAINT "postings_tenant_id_account_id_currency_fkey" FOREIGN KEY ("tenant_id", "account_id", "currency") REFERENCES "ledger_accounts"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "payments" ADD CONSTRAINT "payments_tenant_id_order_id_currency_fkey" FOREIGN KEY ("tenant_id", "order_id", "currency") REFERENCES "orders"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "payments" ADD CONSTRAINT "payments_tenant_id_provider_id_fkey" FOREIGN KEY ("tenant_id", "provider_id") REFERENCES "payment_providers"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_tenant_id_payment_id_currency_fkey" FOREIGN KEY ("tenant_id", "payment_id", "currency") REFERENCES "payments"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "provider_events" ADD CONSTRAINT "provider_events_tenant_id_provider_id_fkey" FOREIGN KEY ("tenant_id", "provider_id") REFERENCES "payment_providers"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- What Prisma's schema language cannot say.
ALTER TABLE ledger_accounts
  ADD CONSTRAINT ledger_accounts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT ledger_accounts_code_check CHECK (code ~ '^[0-9]{4}$');
ALTER TABLE journal_entries
  ADD CONSTRAINT journal_entries_posting_count_check CHECK (posting_count BETWEEN 2 AND 100),
  ADD CONSTRAINT journal_entries_source_check CHECK (length(source_type) BETWEEN 1 AND 50 AND length(source_id) BETWEEN 1 AND 255),
  ADD CONSTRAINT journal_entries_reversal_check CHECK ((kind = 'REVERSAL') = (reverses_id IS NOT NULL));
ALTER TABLE postings
  ADD CONSTRAINT postings_amount_check CHECK (amount_minor <> 0);
ALTER TABLE payments
  ADD CONSTRAINT payments_amount_check CHECK (amount_minor > 0),
  ADD CONSTRAINT payments_refunded_check CHECK (
    refunded_minor >= 0 AND refund_pending_minor >= 0 AND refunded_minor + refund_pending_minor <= amount_minor),
  ADD CONSTRAINT payments_refunds_need_success_check CHECK (
    status = 'SUCCEEDED' OR refunded_minor + refund_pending_minor = 0),
  ADD CONSTRAINT payments_fee_check CHECK (fee_minor IS NULL OR fee_minor >= 0),
  ADD CONSTRAINT payments_settled_check CHECK ((status IN ('SUCCEEDED', 'FAILED')) = (settled_at IS NOT NULL)),
  ADD CONSTRAINT payments_failure_check CHECK ((status = 'FAILED') = (failure_code IS NOT NULL)),
  ADD CONSTRAINT payments_provider_check CHECK ((provider_kind = 'MANUAL') = (provider_id IS NULL));
ALTER TABLE refunds
  ADD CONSTRAINT refunds_amount_check CHECK (amount_minor > 0),
  ADD CONSTRAINT refunds_settled_check CHECK ((status IN ('SUCCEEDED', 'FAILED')) = (settled_at IS NOT NULL)),
  ADD CONSTRAINT refunds_failure_check CHECK ((status = 'FAILED') = (failure_code IS NOT NULL));
-- One payment of an order at a time: two cards tapped at once do not both pay.
CREATE UNIQUE INDEX payments_tenant_id_order_id_in_flight_key ON payments (tenant_id, order_id)
  WHERE status IN ('PENDING', 'UNKNOWN');
-- One account at a time.
CREATE UNIQUE INDEX payment_providers_tenant_id_active_key ON payment_providers (tenant_id) WHERE status = 'ACTIVE';
-- What the job that lets go of unpaid orders' stock looks for.
CREATE INDEX orders_tenant_id_hold_expires_at_idx ON orders (tenant_id, hold_expires_at)
  WHERE holds_stock AND status = 'PLACED' AND hold_expires_at IS NOT NULL;

-- The chart of accounts of one tenant in one currency. What is there already stays.
CREATE FUNCTION app.open_accounts(tenant uuid, account_currency text) RETURNS void
  LANGUAGE sql
AS $$
  INSERT INTO public.ledger_accounts (tenant_id, id, code, name, type, currency)
  SELECT tenant, gen_random_uuid(), chart.code, chart.name, chart.type::public.ledger_account_type, account_currency
  FROM (VALUES
    ('1010', 'Bank', 'ASSET'),
    ('1020', 'Payment provider balance', 'ASSET'),
    ('4010', 'Sales', 'REVENUE'),
    ('4020', 'Refunds', 'REVENUE'),
    ('5010', 'Payment fees', 'EXPENSE')
  ) AS chart (code, name, type)
  ON CONFLICT (tenant_id, code, currency) DO NOTHING
$$;
REVOKE ALL ON FUNCTION app.open_accounts(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.open_accounts(uuid, text) TO bulkhead_runtime;

-- Orders that were paid before payments were recorded: each gets the payment, the refund and the entries that its
-- columns tell of, received and given back by hand.
UPDATE orders SET
  paid_minor = CASE WHEN payment_status IN ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') THEN total_minor ELSE 0 END,
  holds_stock = status IN ('PLACED', 'PAID');
SELECT app.open_accounts(tenant_id, currency) FROM (SELECT DISTINCT tenant_id, currency FROM orders) used;
INSERT INTO payments (tenant_id, id, order_id, provider_kind, status, amount_minor, currency, refunded_minor, fee_minor,
    method, created_at, updated_at, settled_at)
  SELECT tenant_id, gen_random_uuid(), id, 'MANUAL', 'SUCCEEDED', paid_minor, currency, refunded_minor, 0,
    'manual', placed_at, updated_at, placed_at
  FROM orders WHERE paid_minor > 0;
INSERT INTO refunds (tenant_id, id, payment_id, status, amount_minor, currency, created_at, updated_at, settled_at)
  SELECT tenant_id, gen_random_uuid(), id, 'SUCCEEDED', refunded_minor, currency, updated_at, updated_at, updated_at
  FROM payments WHERE refunded_minor > 0;
INSERT INTO journal_entries (tenant_id, id, kind, source_type, source_id, posting_count, posted_at)
  SELECT tenant_id, gen_random_uuid(), 'SALE'::journal_entry_kind, 'Payment', id::text, 2, settled_at FROM payments
  UNION ALL
  SELECT tenant_id, gen_random_uuid(), 'REFUND', 'Refund', id::text, 2, settled_at FROM refunds;
INSERT INTO postings (tenant_id, id, entry_id, position, account_id, currency, amount_minor, posted_at)
  SELECT e.tenant_id, gen_random_uuid(), e.id, side.position, a.id, source.currency, side.sign * source.amount_minor, e.posted_at
  FROM journal_entries e
  JOIN (
    SELECT tenant_id, 'Payment' AS source_type, id::text AS source_id, currency, amount_minor FROM payments
    UNION ALL
    SELECT tenant_id, 'Refund', id::text, currency, amount_minor FROM refunds
  ) source USING (tenant_id, source_type, source_id)
  JOIN (VALUES ('SALE', 0, '1010', 1), ('SALE', 1, '4010', -1), ('REFUND', 0, '4020', 1), ('REFUND', 1, '1010', -1))
    AS side (kind, position, code, sign) ON side.kind = e.kind::text
  JOIN ledger_accounts a ON a.tenant_id = e.tenant_id AND a.code = side.code AND a.currency = source.currency;

ALTER TABLE orders
  ADD CONSTRAINT orders_paid_check CHECK (refunded_minor <= paid_minor AND paid_minor <= total_minor),
  ADD CONSTRAINT orders_holds_stock_check CHECK (CASE status
    WHEN 'PAID' THEN holds_stock WHEN 'PLACED' THEN true ELSE NOT holds_stock END);
ALTER TABLE orders FORCE ROW LEVEL SECURITY;

-- An entry is whole when its transaction ends, or does not come to be: as many postings as it says, of its own time,
-- and zero in each currency. The count also keeps anybody from adding to an entry later. An entry that cannot be seen
-- any more, because its transaction has gone on to another tenant, cannot be judged, and is refused.
CREATE FUNCTION app.check_journal_entry() RETURNS trigger
  LANGUAGE plpgsql
AS $$
DECLARE
  entry uuid := CASE TG_TABLE_NAME WHEN 'postings' THEN (to_jsonb(NEW) ->> 'entry_id')::uuid ELSE NEW.id END;
  expected public.journal_entries;
  found_count bigint;
  same_time boolean;
  imbalance text;
BEGIN
  SELECT * INTO expected FROM public.journal_entries e WHERE e.tenant_id = NEW.tenant_id AND e.id = entry;
  SELECT count(*), coalesce(bool_and(p.posted_at = expected.posted_at), true) INTO found_count, same_time
    FROM public.postings p WHERE p.tenant_id = NEW.tenant_id AND p.entry_id = entry;
  SELECT string_agg(total || ' ' || currency, ', ') INTO imbalance FROM (
    SELECT p.currency, sum(p.amount_minor) AS total FROM public.postings p
    WHERE p.tenant_id = NEW.tenant_id AND p.entry_id = entry GROUP BY p.currency HAVING sum(p.amount_minor) <> 0) sums;
  IF found_count IS DISTINCT FROM expected.posting_count OR NOT same_time OR imbalance IS NOT NULL THEN
    RAISE EXCEPTION 'journal entry % is not balanced: % of % postings, off by %',
      entry, found_count, coalesce(expected.posting_count::text, 'unknown'), coalesce(imbalance, 'nothing')
      USING ERRCODE = 'BK010';
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.check_journal_entry() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER journal_entries_balanced AFTER INSERT OR UPDATE ON journal_entries
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.check_journal_entry();
CREATE CONSTRAINT TRIGGER postings_balanced AFTER INSERT OR UPDATE ON postings
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.check_journal_entry();

SELECT app.protect('ledger_accounts', append_only => true);
SELECT app.protect('journal_entries', append_only => true);
SELECT app.protect('postings', append_only => true);
SELECT app.protect('payment_providers');
SELECT app.protect('payments');
SELECT app.protect('refunds');
SELECT app.protect('provider_events');
-- The right to update is granted column by column: again, for the new ones.
SELECT app.protect('orders');
-- What was taken, or was told, is never unsaid; a secret that is no more used stays to judge what it signed.
REVOKE DELETE ON payments, refunds, payment_providers FROM bulkhead_runtime;

-- A tenant's books are open from its first day.
CREATE OR REPLACE FUNCTION app.create_tenant(tenant uuid, tenant_slug text, tenant_name text, tenant_currency text) RETURNS void
  LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM set_config('app.tenant_id', tenant::text, true);
  INSERT INTO app.tenant_directory (id, slug) VALUES (tenant, tenant_slug);
  INSERT INTO public.tenants (tenant_id, name, currency) VALUES (tenant, tenant_name, tenant_currency);
  INSERT INTO public.tenant_counters (tenant_id, name, value) VALUES (tenant, 'order', 0);
  PERFORM app.open_accounts(tenant, tenant_currency);
END
$$;

-- As it was, but for this: an outcome that is stored is answered without the key's lock, so that a hundred repetitions at
-- once all get it. Before, those that met at the lock heard that the key was in use.
CREATE OR REPLACE FUNCTION app.claim_idempotency_key(command text, client_key text, input_fingerprint bytea)
  RETURNS TABLE (state text, outcome jsonb)
  LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  known public.idempotency_keys;
BEGIN
  FOR attempt IN 1..2 LOOP
    SELECT * INTO known FROM public.idempotency_keys k
      WHERE k.tenant_id = tenant AND k.operation = command AND k.key = client_key;
    IF FOUND THEN
      RETURN QUERY SELECT
        CASE WHEN known.fingerprint = input_fingerprint THEN 'REPLAYED' ELSE 'REUSED' END,
        CASE WHEN known.fingerprint = input_fingerprint THEN known.outcome END;
      RETURN;
    END IF;
    -- Looked up again with the lock: whoever had it may have stored an outcome since.
    EXIT WHEN attempt = 2;
    IF NOT pg_try_advisory_xact_lock(hashtextextended(concat_ws(chr(31), tenant, command, client_key), 0)) THEN
      RETURN QUERY SELECT 'IN_USE', NULL::jsonb;
      RETURN;
    END IF;
  END LOOP;
  RETURN QUERY SELECT 'CLAIMED', NULL::jsonb;
END
$$;
