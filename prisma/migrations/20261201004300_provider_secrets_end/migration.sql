-- The secrets of an account with a payment provider end: on a date, when it is replaced, disconnected, or given another.

-- Applied at a start, in one transaction; a tenant has a handful of accounts.
-- squawk-ignore-file constraint-missing-not-valid

-- AlterEnum
ALTER TYPE "payment_provider_status" ADD VALUE 'DISCONNECTED' AFTER 'REPLACED';

-- AlterTable
ALTER TABLE "payment_providers" ADD COLUMN     "disconnected_at" TIMESTAMPTZ(3),
ADD COLUMN     "events_until" TIMESTAMPTZ(3),
ADD COLUMN     "previous_endpoint_reference" TEXT,
ADD COLUMN     "previous_webhook_secret" BYTEA,
ADD COLUMN     "previous_webhook_secret_until" TIMESTAMPTZ(3),
ADD COLUMN     "version" INTEGER NOT NULL DEFAULT 1;

-- The policies hold the owner, too: without this it could not reach the rows that are there. Ends below.
ALTER TABLE payment_providers NO FORCE ROW LEVEL SECURITY;
-- Those that were replaced before: as if they were replaced now.
UPDATE payment_providers SET events_until = coalesce(replaced_at, created_at) + interval '3 days' WHERE status <> 'ACTIVE';
ALTER TABLE payment_providers
  ADD CONSTRAINT payment_providers_events_until_check CHECK ((status = 'ACTIVE') = (events_until IS NULL)),
  ADD CONSTRAINT payment_providers_previous_secret_check CHECK (
    (previous_webhook_secret IS NULL) = (previous_webhook_secret_until IS NULL)),
  ADD CONSTRAINT payment_providers_previous_endpoint_check CHECK (
    previous_endpoint_reference IS NULL OR previous_webhook_secret IS NOT NULL);
ALTER TABLE payment_providers FORCE ROW LEVEL SECURITY;

-- The right to update is granted column by column: again, for the new ones. What was taken through an account is not unsaid.
SELECT app.protect('payment_providers', writers => '{payments:manage}');
REVOKE DELETE ON payment_providers FROM bulkhead_runtime;

INSERT INTO app.tasks (name, queued_by) VALUES ('payment-provider.end', '{payments:manage}');
