-- Payments, refunds and disputes, the account with a provider, and the provider's events.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation

CREATE TYPE "payment_provider_kind" AS ENUM ('STRIPE', 'SANDBOX', 'MANUAL');
CREATE TYPE "payment_provider_status" AS ENUM ('ACTIVE', 'REPLACED', 'DISCONNECTED');
CREATE TYPE "payment_status" AS ENUM ('PENDING', 'UNKNOWN', 'SUCCEEDED', 'FAILED');
CREATE TYPE "dispute_status" AS ENUM ('INQUIRY', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'CLOSED', 'LOST', 'WON');
CREATE TYPE "provider_event_status" AS ENUM ('PROCESSED', 'IGNORED', 'FAILED');

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
    "disconnected_at" TIMESTAMPTZ(3),
    "events_until" TIMESTAMPTZ(3),
    "previous_endpoint_reference" TEXT,
    "previous_webhook_secret" BYTEA,
    "previous_webhook_secret_until" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,

    CONSTRAINT "payment_providers_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "payment_providers_tenant_id_created_at_id_idx" ON "payment_providers"("tenant_id", "created_at", "id");

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
    "charged_back_minor" BIGINT NOT NULL DEFAULT 0,
    "manual_reference" TEXT,
    "note" TEXT,
    "received_at" TIMESTAMPTZ(3),

    CONSTRAINT "payments_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "payments_tenant_id_created_at_id_idx" ON "payments"("tenant_id", "created_at", "id");
CREATE INDEX "payments_tenant_id_status_created_at_id_idx" ON "payments"("tenant_id", "status", "created_at", "id");
CREATE INDEX "payments_tenant_id_order_id_created_at_id_idx" ON "payments"("tenant_id", "order_id", "created_at", "id");
CREATE UNIQUE INDEX "payments_tenant_id_id_currency_key" ON "payments"("tenant_id", "id", "currency");
CREATE UNIQUE INDEX "payments_tenant_id_provider_id_provider_reference_key" ON "payments"("tenant_id", "provider_id", "provider_reference");
ALTER TABLE "payments" ADD CONSTRAINT "payments_tenant_id_order_id_currency_fkey" FOREIGN KEY ("tenant_id", "order_id", "currency") REFERENCES "orders"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;
ALTER TABLE "payments" ADD CONSTRAINT "payments_tenant_id_provider_id_fkey" FOREIGN KEY ("tenant_id", "provider_id") REFERENCES "payment_providers"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

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
    "reduces_minor" BIGINT NOT NULL DEFAULT 0,
    "given_at" TIMESTAMPTZ(3),
    "manual_method" TEXT,
    "manual_reference" TEXT,

    CONSTRAINT "refunds_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "refunds_tenant_id_created_at_id_idx" ON "refunds"("tenant_id", "created_at", "id");
CREATE INDEX "refunds_tenant_id_status_created_at_id_idx" ON "refunds"("tenant_id", "status", "created_at", "id");
CREATE INDEX "refunds_tenant_id_payment_id_created_at_id_idx" ON "refunds"("tenant_id", "payment_id", "created_at", "id");
CREATE UNIQUE INDEX "refunds_tenant_id_payment_id_provider_reference_key" ON "refunds"("tenant_id", "payment_id", "provider_reference");
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_tenant_id_payment_id_currency_fkey" FOREIGN KEY ("tenant_id", "payment_id", "currency") REFERENCES "payments"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;

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
CREATE INDEX "disputes_tenant_id_opened_at_id_idx" ON "disputes"("tenant_id", "opened_at", "id");
CREATE INDEX "disputes_tenant_id_status_opened_at_id_idx" ON "disputes"("tenant_id", "status", "opened_at", "id");
CREATE UNIQUE INDEX "disputes_tenant_id_payment_id_reference_key" ON "disputes"("tenant_id", "payment_id", "reference");
ALTER TABLE "disputes" ADD CONSTRAINT "disputes_tenant_id_payment_id_currency_fkey" FOREIGN KEY ("tenant_id", "payment_id", "currency") REFERENCES "payments"("tenant_id", "id", "currency") ON DELETE RESTRICT ON UPDATE RESTRICT;

CREATE TABLE "provider_events" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "provider_id" UUID NOT NULL,
    "reference" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "status" "provider_event_status" NOT NULL,
    "error" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 1,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "processed_at" TIMESTAMPTZ(3),
    "body" BYTEA NOT NULL,

    CONSTRAINT "provider_events_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "provider_events_tenant_id_received_at_id_idx" ON "provider_events"("tenant_id", "received_at", "id");
CREATE INDEX "provider_events_tenant_id_status_received_at_id_idx" ON "provider_events"("tenant_id", "status", "received_at", "id");
CREATE UNIQUE INDEX "provider_events_tenant_id_provider_id_reference_key" ON "provider_events"("tenant_id", "provider_id", "reference");
ALTER TABLE "provider_events" ADD CONSTRAINT "provider_events_tenant_id_provider_id_fkey" FOREIGN KEY ("tenant_id", "provider_id") REFERENCES "payment_providers"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- The secrets of an account end: on a date, when it is replaced, disconnected, or given another.
ALTER TABLE payment_providers
  ADD CONSTRAINT payment_providers_events_until_check CHECK ((status = 'ACTIVE') = (events_until IS NULL)),
  ADD CONSTRAINT payment_providers_previous_secret_check CHECK (
    (previous_webhook_secret IS NULL) = (previous_webhook_secret_until IS NULL)),
  ADD CONSTRAINT payment_providers_previous_endpoint_check CHECK (
    previous_endpoint_reference IS NULL OR previous_webhook_secret IS NOT NULL);
-- One account at a time.
CREATE UNIQUE INDEX payment_providers_tenant_id_active_key ON payment_providers (tenant_id) WHERE status = 'ACTIVE';
ALTER TABLE payments
  ADD CONSTRAINT payments_amount_check CHECK (amount_minor > 0),
  ADD CONSTRAINT payments_refunded_check CHECK (
    refunded_minor >= 0 AND refund_pending_minor >= 0 AND refunded_minor + refund_pending_minor <= amount_minor),
  ADD CONSTRAINT payments_charged_back_check CHECK (
    charged_back_minor >= 0 AND (status = 'SUCCEEDED' OR charged_back_minor = 0)),
  ADD CONSTRAINT payments_refunds_need_success_check CHECK (
    status = 'SUCCEEDED' OR refunded_minor + refund_pending_minor = 0),
  ADD CONSTRAINT payments_fee_check CHECK (fee_minor IS NULL OR fee_minor >= 0),
  ADD CONSTRAINT payments_settled_check CHECK ((status IN ('SUCCEEDED', 'FAILED')) = (settled_at IS NOT NULL)),
  ADD CONSTRAINT payments_failure_check CHECK ((status = 'FAILED') = (failure_code IS NOT NULL)),
  ADD CONSTRAINT payments_provider_check CHECK ((provider_kind = 'MANUAL') = (provider_id IS NULL)),
  ADD CONSTRAINT payments_manual_check CHECK (CASE provider_kind
    WHEN 'MANUAL' THEN coalesce(fee_minor, 0) = 0 AND charged_back_minor = 0
    ELSE num_nonnulls(manual_reference, note, received_at) = 0 END),
  ADD CONSTRAINT payments_texts_check CHECK (length(manual_reference) <= 255 AND length(note) <= 500);
-- One payment of an order at a time: two cards tapped at once do not both pay.
CREATE UNIQUE INDEX payments_tenant_id_order_id_in_flight_key ON payments (tenant_id, order_id)
  WHERE status IN ('PENDING', 'UNKNOWN');
ALTER TABLE refunds
  ADD CONSTRAINT refunds_amount_check CHECK (amount_minor > 0),
  ADD CONSTRAINT refunds_reduces_check CHECK (reduces_minor BETWEEN 0 AND amount_minor),
  ADD CONSTRAINT refunds_settled_check CHECK ((status IN ('SUCCEEDED', 'FAILED')) = (settled_at IS NOT NULL)),
  ADD CONSTRAINT refunds_failure_check CHECK ((status = 'FAILED') = (failure_code IS NOT NULL)),
  ADD CONSTRAINT refunds_manual_check CHECK (
    (manual_method IS NOT NULL OR num_nonnulls(manual_reference, given_at) = 0)
    AND manual_method IN ('CASH', 'BANK_TRANSFER', 'OTHER') AND length(manual_reference) <= 255);
ALTER TABLE disputes
  ADD CONSTRAINT disputes_amount_check CHECK (amount_minor >= 0),
  ADD CONSTRAINT disputes_moved_check CHECK (reinstated_minor BETWEEN 0 AND withdrawn_minor),
  ADD CONSTRAINT disputes_movements_check CHECK (
    movements IS NOT NULL AND cardinality(movements) <= 100
    AND (cardinality(movements) > 0 OR (withdrawn_minor = 0 AND fee_minor = 0))),
  ADD CONSTRAINT disputes_texts_check CHECK (length(reference) BETWEEN 1 AND 255 AND length(reason) <= 255);
ALTER TABLE provider_events
  ADD CONSTRAINT provider_events_names_check CHECK (length(reference) BETWEEN 1 AND 255 AND length(type) BETWEEN 1 AND 255);

-- What was taken or asked for is not altered: only what becomes of it.
SELECT app.protect('payment_providers', writers => '{payments:manage}');
SELECT app.protect('payments', writers => '{payments:take,payments:refund}',
  frozen => '{id,order_id,provider_kind,provider_id,amount_minor,currency,method,return_url,created_at,manual_reference,note,received_at}');
SELECT app.protect('refunds', writers => '{payments:take,payments:refund}',
  frozen => '{id,payment_id,amount_minor,currency,reason,created_at,reduces_minor,given_at,manual_method,manual_reference}');
SELECT app.protect('disputes', writers => '{payments:take,payments:refund}',
  frozen => '{id,payment_id,reference,currency,opened_at,created_at}');
SELECT app.protect('provider_events', writers => '{payments:take,payments:refund}');
-- What was taken, or was told, is never unsaid; an account that is no more used stays to judge what it signed.
REVOKE DELETE ON payment_providers, payments, refunds, disputes FROM bulkhead_runtime;

INSERT INTO app.tasks (name, queued_by) VALUES
  ('payment.reconcile', '{payments:take}'),
  ('payment.fee', '{payments:take}'),
  ('refund.reconcile', '{payments:refund}'),
  ('payment-provider.end', '{payments:manage}'),
  ('provider-event.process', '{system}');
