-- The chain of seals on the audit, which the owner of the tables cannot forge.

CREATE TABLE "audit_seals" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "sequence" INTEGER NOT NULL,
    "from_at" TIMESTAMPTZ(6) NOT NULL,
    "until_at" TIMESTAMPTZ(6) NOT NULL,
    "entry_ids" UUID[],
    "entry_digests" BYTEA[],
    "previous_hash" BYTEA NOT NULL,
    "hash" BYTEA NOT NULL,
    "mac" BYTEA NOT NULL,
    "key_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_seals_pkey" PRIMARY KEY ("tenant_id","sequence")
);

ALTER TABLE audit_seals
  ADD CONSTRAINT audit_seals_sequence_check CHECK (sequence >= 1),
  ADD CONSTRAINT audit_seals_range_check CHECK (from_at < until_at),
  ADD CONSTRAINT audit_seals_entries_check CHECK (
    entry_ids IS NOT NULL AND entry_digests IS NOT NULL AND cardinality(entry_ids) = cardinality(entry_digests));

SELECT app.protect('audit_seals', append_only => true, writers => '{system}');
