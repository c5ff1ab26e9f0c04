-- Money received and given back by hand: how, with which reference, and when.
-- squawk-ignore-file constraint-missing-not-valid

-- The policies hold the owner, too: without this it could not check the rows that are there. Ends below.
ALTER TABLE payments NO FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds NO FORCE ROW LEVEL SECURITY;

-- AlterTable
ALTER TABLE "payments" ADD COLUMN     "manual_reference" TEXT,
ADD COLUMN     "note" TEXT,
ADD COLUMN     "received_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "refunds" ADD COLUMN     "given_at" TIMESTAMPTZ(3),
ADD COLUMN     "manual_method" TEXT,
ADD COLUMN     "manual_reference" TEXT;

ALTER TABLE payments
  ADD CONSTRAINT payments_manual_check CHECK (CASE provider_kind
    WHEN 'MANUAL' THEN coalesce(fee_minor, 0) = 0 AND charged_back_minor = 0
    ELSE num_nonnulls(manual_reference, note, received_at) = 0 END),
  ADD CONSTRAINT payments_texts_check CHECK (length(manual_reference) <= 255 AND length(note) <= 500);
ALTER TABLE refunds
  ADD CONSTRAINT refunds_manual_check CHECK (
    (manual_method IS NOT NULL OR num_nonnulls(manual_reference, given_at) = 0)
    AND manual_method IN ('CASH', 'BANK_TRANSFER', 'OTHER') AND length(manual_reference) <= 255);
ALTER TABLE payments FORCE ROW LEVEL SECURITY;
ALTER TABLE refunds FORCE ROW LEVEL SECURITY;

-- As it was, with the till. A tenant that has none yet gets it with its first entry there.
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
    ('5010', 'Payment fees', 'EXPENSE')
  ) AS chart (code, name, type)
  ON CONFLICT (tenant_id, code, currency) DO NOTHING
$$;
