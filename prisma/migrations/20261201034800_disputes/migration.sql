-- Disputes: what buyers' banks ask about payments, and take back.

-- Applied at a start, in one transaction.
-- squawk-ignore-file constraint-missing-not-valid

-- The policies hold the owner, too: without this it could not check the rows that are there. Ends below.
ALTER TABLE "payments" NO FORCE ROW LEVEL SECURITY;

-- CreateEnum
CREATE TYPE "dispute_status" AS ENUM ('INQUIRY', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'CLOSED', 'LOST', 'WON');

-- AlterEnum
ALTER TYPE "journal_entry_kind" ADD VALUE 'DISPUTE' BEFORE 'REVERSAL';

-- CreateTable
CREATE TABLE "disputes" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "payment_id" UUID NOT NULL,
    "reference" TEXT NOT NULL,
    "status" "dispute_status" NOT NULL,
    "amount_minor" BIGINT NOT NULL,
    "currency" CHAR(3) NOT NULL,
    "reason" TEXT NOT NULL,
    "evidence_due_at" TIMESTAMPTZ(3),
    "withdrawn_minor" BIGINT NOT NULL DEFAULT 0,
    "reinstated_minor" BIGINT NOT NULL DEFAULT 0,
    "fee_minor" BIGINT NOT NULL DEFAULT 0,
    "movements" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "version" INTEGER NOT NULL DEFAULT 1,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "told_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "disputes_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "disputes_tenant_id_opened_at_id_idx" ON "disputes"("tenant_id", "opened_at", "id");

-- CreateIndex
CREATE INDEX "disputes_tenant_id_status_opened_at_id_idx" ON "disputes"("tenant_id", "status", "opened_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "disputes_tenant_id_payment_id_reference_key" ON "disputes"("tenant_id", "payment_id", "reference");

-- AddForeignKey
ALTER TABLE "disputes" ADD CONSTRAINT "disputes_tenant_id_payment_id_currency_fkey" FOREIGN KEY ("tenant_id", "payment_id", "currency") REFERENCES "payments"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE "payments" FORCE ROW LEVEL SECURITY;

ALTER TABLE disputes
  ADD CONSTRAINT disputes_amount_check CHECK (amount_minor >= 0),
  ADD CONSTRAINT disputes_moved_check CHECK (reinstated_minor BETWEEN 0 AND withdrawn_minor),
  ADD CONSTRAINT disputes_movements_check CHECK (
    movements IS NOT NULL AND cardinality(movements) <= 100
    AND (cardinality(movements) > 0 OR (withdrawn_minor = 0 AND fee_minor = 0))),
  ADD CONSTRAINT disputes_texts_check CHECK (length(reference) BETWEEN 1 AND 255 AND length(reason) <= 255);

-- The walls: row-level security, and the runtime role's rights. Written as the provider's events are; never unsaid. What a
-- dispute is about is not altered: only what becomes of it.
SELECT app.protect('disputes', writers => '{payments:take,payments:refund}');
REVOKE UPDATE, DELETE ON disputes FROM bulkhead_runtime;
GRANT UPDATE (status, amount_minor, reason, evidence_due_at, withdrawn_minor, reinstated_minor, fee_minor, movements, version,
  told_at, updated_at) ON disputes TO bulkhead_runtime;

-- As it was, with what disputes cost. A tenant that has none of these yet gets them with its first entry there.
CREATE OR REPLACE FUNCTION app.open_accounts(tenant uuid, account_currency text) RETURNS void
  LANGUAGE sql
AS $$
  INSERT INTO public.ledger_accounts (tenant_id, id, code, name, type, currency)
  SELECT tenant, gen_random_uuid(), chart.code, chart.name, chart.type::public.ledger_account_type, account_currency
  FROM (VALUES
    ('1000', 'Cash', 'ASSET'),
    ('1010', 'Bank', 'ASSET'),
    ('1020', 'Payment provider balance', 'ASSET'),
    ('4010', 'Sales', 'REVENUE'),
    ('4020', 'Refunds', 'REVENUE'),
    ('5010', 'Payment fees', 'EXPENSE'),
    ('5020', 'Disputes', 'EXPENSE'),
    ('5030', 'Dispute fees', 'EXPENSE')
  ) AS chart (code, name, type)
  ON CONFLICT (tenant_id, code, currency) DO NOTHING
$$;

-- As it was, with disputes.
CREATE OR REPLACE FUNCTION app.retained_columns(target text) RETURNS text[]
  LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE target
    WHEN 'orders' THEN '{number,status,payment_status,currency,total_minor,paid_minor,refunded_minor,refund_pending_minor,charged_back_minor,reduced_minor,returned_minor,placed_at,fulfilled_at,cancelled_at}'::text[]
    WHEN 'payments' THEN '{order_id,provider_kind,status,amount_minor,currency,refunded_minor,charged_back_minor,fee_minor,created_at,settled_at}'
    WHEN 'refunds' THEN '{payment_id,status,amount_minor,reduces_minor,currency,created_at,settled_at}'
    WHEN 'disputes' THEN '{payment_id,status,amount_minor,withdrawn_minor,reinstated_minor,fee_minor,currency,opened_at}'
    WHEN 'ledger_accounts' THEN '{code,name,type,currency,created_at}'
    WHEN 'journal_entries' THEN '{kind,source_type,source_id,reverses_id,posting_count,posted_at}'
    WHEN 'postings' THEN '{entry_id,position,account_id,currency,amount_minor,posted_at}'
  END
$$;
