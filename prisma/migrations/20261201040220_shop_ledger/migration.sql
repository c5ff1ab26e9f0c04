-- The double-entry ledger.

CREATE TYPE "ledger_account_type" AS ENUM ('ASSET', 'LIABILITY', 'EQUITY', 'REVENUE', 'EXPENSE');
CREATE TYPE "journal_entry_kind" AS ENUM ('SALE', 'REFUND', 'FEE', 'PAYOUT', 'DISPUTE', 'REVERSAL');

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
CREATE UNIQUE INDEX "ledger_accounts_tenant_id_code_currency_key" ON "ledger_accounts"("tenant_id", "code", "currency");
CREATE UNIQUE INDEX "ledger_accounts_tenant_id_id_currency_key" ON "ledger_accounts"("tenant_id", "id", "currency");

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
CREATE INDEX "journal_entries_tenant_id_posted_at_id_idx" ON "journal_entries"("tenant_id", "posted_at", "id");
CREATE INDEX "journal_entries_tenant_id_source_type_source_id_idx" ON "journal_entries"("tenant_id", "source_type", "source_id");
CREATE UNIQUE INDEX "journal_entries_tenant_id_kind_source_type_source_id_key" ON "journal_entries"("tenant_id", "kind", "source_type", "source_id");
CREATE UNIQUE INDEX "journal_entries_tenant_id_reverses_id_key" ON "journal_entries"("tenant_id", "reverses_id");
ALTER TABLE "journal_entries" ADD CONSTRAINT "journal_entries_tenant_id_reverses_id_fkey" FOREIGN KEY ("tenant_id", "reverses_id") REFERENCES "journal_entries"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

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
CREATE INDEX "postings_tenant_id_account_id_posted_at_id_idx" ON "postings"("tenant_id", "account_id", "posted_at", "id");
CREATE UNIQUE INDEX "postings_tenant_id_entry_id_position_key" ON "postings"("tenant_id", "entry_id", "position");
ALTER TABLE "postings" ADD CONSTRAINT "postings_tenant_id_entry_id_fkey" FOREIGN KEY ("tenant_id", "entry_id") REFERENCES "journal_entries"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "postings" ADD CONSTRAINT "postings_tenant_id_account_id_currency_fkey" FOREIGN KEY ("tenant_id", "account_id", "currency") REFERENCES "ledger_accounts"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;

ALTER TABLE ledger_accounts
  ADD CONSTRAINT ledger_accounts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
  ADD CONSTRAINT ledger_accounts_code_check CHECK (code ~ '^[0-9]{4}$');
ALTER TABLE journal_entries
  ADD CONSTRAINT journal_entries_posting_count_check CHECK (posting_count BETWEEN 2 AND 100),
  ADD CONSTRAINT journal_entries_source_check CHECK (length(source_type) BETWEEN 1 AND 50 AND length(source_id) BETWEEN 1 AND 255),
  ADD CONSTRAINT journal_entries_reversal_check CHECK ((kind = 'REVERSAL') = (reverses_id IS NOT NULL));
ALTER TABLE postings
  ADD CONSTRAINT postings_amount_check CHECK (amount_minor <> 0);
-- Who puts rows back in the order of their keys meets a reversal before what it reverses.
ALTER TABLE journal_entries ALTER CONSTRAINT journal_entries_tenant_id_reverses_id_fkey DEFERRABLE INITIALLY IMMEDIATE;

SELECT app.protect('ledger_accounts', append_only => true, writers => '{payments:take,payments:refund}');
SELECT app.protect('journal_entries', append_only => true, writers => '{payments:take,payments:refund}');
SELECT app.protect('postings', append_only => true, writers => '{payments:take,payments:refund}');

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

-- The chart of accounts of one tenant in one currency. What is there already stays; a tenant that lacks one gets it with its
-- first entry there.
CREATE FUNCTION app.open_accounts(tenant uuid, account_currency text) RETURNS void
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
REVOKE ALL ON FUNCTION app.open_accounts(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.open_accounts(uuid, text) TO bulkhead_runtime;
