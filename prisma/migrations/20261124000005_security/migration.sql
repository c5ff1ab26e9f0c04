-- The security desk: invitations, keys, support, seals on the audit, exports; and a second wall inside each tenant.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation

-- The second wall inside a tenant: who may only read, cannot write, whatever the SQL. Every statement of the server
-- carries the permissions that write, beside the tenant; each table says by which of them its rows may be written.

-- True, or raises: a write that is refused must be loud, where a policy that is merely false would hide the row. No names
-- needed: any permission that writes will do.
CREATE FUNCTION app.may_write(needed text[]) RETURNS boolean
  LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
  granted text := pg_catalog.current_setting('app.permissions', true);
BEGIN
  IF granted = '*' OR (granted <> '' AND (needed = '{}' OR string_to_array(granted, ',') && needed)) THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION 'this needs a permission to write: %', needed USING ERRCODE = 'BK004';
END
$$;
REVOKE ALL ON FUNCTION app.may_write(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.may_write(text[]) TO bulkhead_runtime;

-- As it was, and: `writers` names the permissions of which one is needed to write to the table; none: any that writes.
-- Left out, a table keeps what it had. The policies are restrictive, so they only take away; they hold for the runtime
-- role alone, since the owner migrates and repairs.
DROP FUNCTION app.protect(regclass, boolean);
CREATE FUNCTION app.protect(target regclass, append_only boolean DEFAULT false, writers text[] DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql
AS $$
DECLARE
  -- Citus refuses sub-selects in policies; on PostgreSQL the sub-select makes a scan fifteen times cheaper.
  is_citus boolean := EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus');
  tenant_expression text := CASE WHEN is_citus THEN 'app.tenant_id()' ELSE '(SELECT app.tenant_id())' END;
  write_expression text;
  tenant_column smallint;
  offender text;
  updatable text;
  command text;
BEGIN
  SELECT attnum INTO tenant_column FROM pg_catalog.pg_attribute
    WHERE attrelid = target AND attname = 'tenant_id' AND atttypid = 'uuid'::regtype AND NOT attisdropped;
  IF tenant_column IS NULL THEN
    RAISE EXCEPTION '% has no column tenant_id of type uuid', target;
  END IF;

  IF NOT EXISTS (SELECT FROM pg_catalog.pg_index
      WHERE indrelid = target AND indisprimary AND indkey[0] = tenant_column) THEN
    RAISE EXCEPTION 'the primary key of % must start with tenant_id', target;
  END IF;

  -- Unique and foreign-key checks look past row-level security: without the tenant in them they tell one tenant of
  -- another's rows, or attach to them.
  SELECT indexrelid::regclass::text INTO offender FROM pg_catalog.pg_index
    WHERE indrelid = target AND indkey[0] <> tenant_column LIMIT 1;
  IF offender IS NOT NULL THEN
    RAISE EXCEPTION 'index % must start with tenant_id', offender;
  END IF;
  SELECT conname INTO offender FROM pg_catalog.pg_constraint
    WHERE conrelid = target AND contype = 'f' AND NOT (tenant_column = ANY (conkey)) LIMIT 1;
  IF offender IS NOT NULL THEN
    RAISE EXCEPTION 'foreign key % must include tenant_id', offender;
  END IF;

  EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id SET NOT NULL, ALTER COLUMN tenant_id SET DEFAULT app.tenant_id()', target);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  IF EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = target AND polname = 'tenant_isolation') THEN
    EXECUTE format('DROP POLICY tenant_isolation ON %s', target);
  END IF;
  EXECUTE format('CREATE POLICY tenant_isolation ON %s USING (tenant_id = %s) WITH CHECK (tenant_id = %s)',
    target, tenant_expression, tenant_expression);

  IF writers IS NOT NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_policy WHERE polrelid = target AND polname = 'write_insert') THEN
    write_expression := format('app.may_write(%L::text[])', coalesce(writers, '{}'));
    IF NOT is_citus THEN
      write_expression := format('(SELECT %s)', write_expression);
    END IF;
    FOREACH command IN ARRAY '{insert,update,delete}'::text[] LOOP
      EXECUTE format('DROP POLICY IF EXISTS write_%s ON %s', command, target);
      EXECUTE format('CREATE POLICY write_%s ON %s AS RESTRICTIVE FOR %s TO bulkhead_runtime %s (%s)',
        command, target, command, CASE command WHEN 'insert' THEN 'WITH CHECK' ELSE 'USING' END, write_expression);
    END LOOP;
  END IF;

  EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, bulkhead_runtime', target);
  EXECUTE format('GRANT SELECT, INSERT ON %s TO bulkhead_runtime', target);
  IF NOT append_only THEN
    SELECT string_agg(quote_ident(attname), ', ') INTO updatable FROM pg_catalog.pg_attribute
      WHERE attrelid = target AND attnum > 0 AND NOT attisdropped AND attname <> 'tenant_id';
    EXECUTE format('GRANT DELETE ON %s TO bulkhead_runtime', target);
    IF updatable IS NOT NULL THEN
      EXECUTE format('GRANT UPDATE (%s) ON %s TO bulkhead_runtime', updatable, target);
    END IF;
  END IF;
END
$$;
REVOKE ALL ON FUNCTION app.protect(regclass, boolean, text[]) FROM PUBLIC;

-- CreateEnum
CREATE TYPE "invitation_status" AS ENUM ('PENDING', 'ACCEPTED', 'REVOKED');

-- CreateEnum
CREATE TYPE "support_access" AS ENUM ('READ', 'WRITE');

-- CreateEnum
CREATE TYPE "export_status" AS ENUM ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED');

-- AlterEnum
ALTER TYPE "actor_kind" ADD VALUE 'INVITED' AFTER 'SUPPORT';

-- AlterTable
ALTER TABLE "audit_entries" ADD COLUMN     "actor_label" TEXT NOT NULL DEFAULT '',
ADD COLUMN     "recorded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT now();
-- In two steps: what changes from row to row would have every row written anew. Entries of before were seen now.
ALTER TABLE "audit_entries" ALTER COLUMN "recorded_at" SET DEFAULT clock_timestamp();

-- AlterTable
ALTER TABLE "tenants" ADD COLUMN     "erasure_at" TIMESTAMPTZ(3);

-- CreateTable
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

-- CreateTable
CREATE TABLE "invitations" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL DEFAULT '',
    "role" "member_role" NOT NULL,
    "status" "invitation_status" NOT NULL DEFAULT 'PENDING',
    "token_hash" BYTEA,
    "invited_by" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "sent_at" TIMESTAMPTZ(3),
    "accepted_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "invitations_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hint" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "permissions" TEXT[],
    "created_by_id" UUID,
    "created_by" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "support_grants" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "access" "support_access" NOT NULL,
    "reason" TEXT NOT NULL,
    "granted_by" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "support_grants_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "exports" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "status" "export_status" NOT NULL DEFAULT 'PENDING',
    "requested_by" TEXT NOT NULL,
    "row_count" INTEGER NOT NULL DEFAULT 0,
    "byte_count" BIGINT NOT NULL DEFAULT 0,
    "sha256" TEXT,
    "failure" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "exports_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "export_chunks" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "export_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "content" BYTEA NOT NULL,

    CONSTRAINT "export_chunks_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "invitations_tenant_id_created_at_id_idx" ON "invitations"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "export_chunks_tenant_id_export_id_position_key" ON "export_chunks"("tenant_id", "export_id", "position");

-- CreateIndex
CREATE UNIQUE INDEX "invitations_tenant_id_token_hash_key" ON "invitations"("tenant_id", "token_hash");

-- CreateIndex
CREATE INDEX "api_keys_tenant_id_created_at_id_idx" ON "api_keys"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "api_keys_tenant_id_hash_key" ON "api_keys"("tenant_id", "hash");

-- CreateIndex
CREATE INDEX "support_grants_tenant_id_created_at_id_idx" ON "support_grants"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "exports_tenant_id_created_at_id_idx" ON "exports"("tenant_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "audit_entries_tenant_id_recorded_at_id_idx" ON "audit_entries"("tenant_id", "recorded_at", "id");

-- CreateIndex
CREATE INDEX "audit_entries_tenant_id_actor_id_created_at_id_idx" ON "audit_entries"("tenant_id", "actor_id", "created_at", "id");

-- AddForeignKey
ALTER TABLE "export_chunks" ADD CONSTRAINT "export_chunks_tenant_id_export_id_fkey" FOREIGN KEY ("tenant_id", "export_id") REFERENCES "exports"("tenant_id", "id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- What Prisma's schema language cannot say.
ALTER TABLE invitations
  ADD CONSTRAINT invitations_email_check CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  ADD CONSTRAINT invitations_accepted_check CHECK ((status = 'ACCEPTED') = (accepted_at IS NOT NULL));
CREATE UNIQUE INDEX invitations_tenant_id_email_pending_key ON invitations (tenant_id, email) WHERE status = 'PENDING';
ALTER TABLE api_keys
  ADD CONSTRAINT api_keys_hash_check CHECK (length(hash) = 32),
  ADD CONSTRAINT api_keys_permissions_check CHECK (permissions IS NOT NULL AND cardinality(permissions) BETWEEN 1 AND 100);
ALTER TABLE audit_seals
  ADD CONSTRAINT audit_seals_sequence_check CHECK (sequence >= 1),
  ADD CONSTRAINT audit_seals_range_check CHECK (from_at < until_at),
  ADD CONSTRAINT audit_seals_entries_check CHECK (
    entry_ids IS NOT NULL AND entry_digests IS NOT NULL AND cardinality(entry_ids) = cardinality(entry_digests));
ALTER TABLE support_grants
  ADD CONSTRAINT support_grants_period_check CHECK (expires_at > created_at);

SELECT app.protect('invitations', writers => '{members:manage,invitations:accept}');
SELECT app.protect('api_keys', writers => '{keys:manage,members:manage}');
SELECT app.protect('support_grants', writers => '{support:manage}');
SELECT app.protect('exports', writers => '{tenant:manage}');
SELECT app.protect('export_chunks', writers => '{system}');
SELECT app.protect('audit_seals', append_only => true, writers => '{system}');
-- The tables of before, each with who may write to it; `system` is nobody's, so that only the system's own work has it.
SELECT app.protect('tenants', writers => '{tenant:manage,payments:manage,members:manage}');
SELECT app.protect('members', writers => '{members:manage,invitations:accept}');
SELECT app.protect('products', writers => '{catalogue:write}');
SELECT app.protect('variants', writers => '{catalogue:write}');
SELECT app.protect('stock_levels', writers => '{catalogue:write,stock:write,orders:write,payments:take,payments:refund}');
SELECT app.protect('stock_movements', append_only => true,
  writers => '{catalogue:write,stock:write,orders:write,payments:take,payments:refund}');
SELECT app.protect('customers', writers => '{customers:write}');
SELECT app.protect('orders', writers => '{orders:write,payments:take,payments:refund}');
SELECT app.protect('order_lines', append_only => true, writers => '{orders:write}');
SELECT app.protect('tenant_counters', writers => '{orders:write}');
SELECT app.protect('idempotency_keys', writers => '{}');
SELECT app.protect('audit_entries', append_only => true, writers => '{}');
-- When an entry was recorded is the database's clock's word: whoever could say it themselves could write into the past.
REVOKE INSERT ON audit_entries FROM bulkhead_runtime;
GRANT INSERT (tenant_id, id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, before, after,
  request_id, created_at) ON audit_entries TO bulkhead_runtime;
SELECT app.protect('outbox_events', writers => '{}');
SELECT app.protect('ledger_accounts', append_only => true, writers => '{payments:take,payments:refund}');
SELECT app.protect('journal_entries', append_only => true, writers => '{payments:take,payments:refund}');
SELECT app.protect('postings', append_only => true, writers => '{payments:take,payments:refund}');
SELECT app.protect('payment_providers', writers => '{payments:manage}');
SELECT app.protect('payments', writers => '{payments:take,payments:refund}');
SELECT app.protect('refunds', writers => '{payments:take,payments:refund}');
SELECT app.protect('provider_events', writers => '{payments:take,payments:refund}');
-- A tenant is made and unmade by the platform, never by a tenant's request; what was taken, told, or given is never unsaid.
REVOKE INSERT, DELETE ON tenants FROM bulkhead_runtime;
REVOKE DELETE ON payments, refunds, payment_providers, members, invitations, api_keys, support_grants FROM bulkhead_runtime;

-- A merchant always has an owner: the last one can neither leave nor be made less. Two owners who dismiss each other at
-- once wait for each other at their tenant's row.
CREATE FUNCTION app.keep_an_owner() RETURNS trigger
  LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM FROM public.tenants t WHERE t.tenant_id = OLD.tenant_id FOR NO KEY UPDATE;
  IF NOT EXISTS (SELECT FROM public.members m
      WHERE m.tenant_id = OLD.tenant_id AND m.role = 'OWNER' AND m.status = 'ACTIVE' AND m.id <> OLD.id) THEN
    RAISE EXCEPTION 'a tenant keeps an owner' USING ERRCODE = 'BK011';
  END IF;
  RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION app.keep_an_owner() FROM PUBLIC;
CREATE TRIGGER members_keep_an_owner BEFORE UPDATE OF role, status ON members
  FOR EACH ROW WHEN (OLD.role = 'OWNER' AND OLD.status = 'ACTIVE' AND (NEW.role <> 'OWNER' OR NEW.status <> 'ACTIVE'))
  EXECUTE FUNCTION app.keep_an_owner();

-- Of which tenants an address is a member: for somebody who has signed in and chooses. Kept by the members' own trigger,
-- granted to nobody; asked by app.memberships_of.
CREATE TABLE app.person_directory (
  email     text NOT NULL,
  tenant_id uuid NOT NULL REFERENCES app.tenant_directory (id) ON DELETE CASCADE,
  PRIMARY KEY (email, tenant_id)
);
CREATE INDEX person_directory_tenant_id_idx ON app.person_directory (tenant_id);
CREATE FUNCTION app.note_person() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (OLD.email <> NEW.email OR NEW.status <> 'ACTIVE')) THEN
    DELETE FROM app.person_directory p WHERE p.email = lower(OLD.email) AND p.tenant_id = OLD.tenant_id;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.status = 'ACTIVE' THEN
    INSERT INTO app.person_directory VALUES (lower(NEW.email), NEW.tenant_id) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.note_person() FROM PUBLIC;
CREATE TRIGGER members_note_person AFTER INSERT OR UPDATE OR DELETE ON members
  FOR EACH ROW EXECUTE FUNCTION app.note_person();
ALTER TABLE members NO FORCE ROW LEVEL SECURITY;
INSERT INTO app.person_directory (email, tenant_id) SELECT lower(email), tenant_id FROM members WHERE status = 'ACTIVE';
ALTER TABLE members FORCE ROW LEVEL SECURITY;

-- Whom a verified token speaks for: at most one row, for an address that is a member there, or was invited and may only
-- accept. Enters the tenant that the token names, and leaves it again.
DROP FUNCTION app.resolve_member(text, text);
CREATE FUNCTION app.resolve_member(tenant_key text, member_email text)
  RETURNS TABLE (tenant_id uuid, tenant_slug text, tenant_status text, member_id uuid, member_role text, invitation_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
  SELECT * INTO entry FROM app.tenant_directory d WHERE d.slug = tenant_key;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('app.tenant_id', entry.id::text, true);
  RETURN QUERY
    SELECT entry.id, entry.slug, entry.status, m.id, m.role::text, NULL::uuid
    FROM public.members m
    WHERE m.tenant_id = entry.id AND m.email = lower(member_email) AND m.status = 'ACTIVE';
  IF NOT FOUND THEN
    RETURN QUERY
      SELECT entry.id, entry.slug, entry.status, NULL::uuid, NULL::text, i.id
      FROM public.invitations i
      WHERE i.tenant_id = entry.id AND i.email = lower(member_email) AND i.status = 'PENDING'
        AND i.token_hash IS NOT NULL AND i.expires_at > now();
  END IF;
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
END
$$;

-- Which tenants an address may choose among; of each no more than its own people see.
CREATE FUNCTION app.memberships_of(member_email text)
  RETURNS TABLE (tenant_slug text, tenant_name text, tenant_status text, member_role text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
  FOR entry IN SELECT d.* FROM app.person_directory p JOIN app.tenant_directory d ON d.id = p.tenant_id
      WHERE p.email = lower(member_email) ORDER BY d.slug LIMIT 100 LOOP
    PERFORM set_config('app.tenant_id', entry.id::text, true);
    RETURN QUERY
      SELECT entry.slug, t.name, entry.status, m.role::text
      FROM public.members m JOIN public.tenants t ON t.tenant_id = m.tenant_id
      WHERE m.tenant_id = entry.id AND m.email = lower(member_email) AND m.status = 'ACTIVE';
  END LOOP;
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
END
$$;

-- Who stands behind a key of the tenant in scope: the member who made it, or who made the key that made it, and so on.
-- A key does no more than that member's role, as it is now, or was when they left; and it ends with a key before it. No
-- role: nobody made it but the platform.
CREATE FUNCTION app.makers_of(key uuid) RETURNS TABLE (maker_role text, was_ended boolean)
  LANGUAGE sql STABLE
AS $$
  WITH RECURSIVE makers AS (
    SELECT k.created_by_id, k.revoked_at FROM public.api_keys k
      WHERE k.tenant_id = app.tenant_id() AND k.id = key
    UNION
    SELECT k.created_by_id, k.revoked_at FROM makers made
      JOIN public.api_keys k ON k.tenant_id = app.tenant_id() AND k.id = made.created_by_id
  )
  SELECT (SELECT m.role::text FROM makers made
      JOIN public.members m ON m.tenant_id = app.tenant_id() AND m.id = made.created_by_id),
    EXISTS (SELECT FROM makers WHERE revoked_at IS NOT NULL)
$$;
REVOKE ALL ON FUNCTION app.makers_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.makers_of(uuid) TO bulkhead_runtime;

-- What an API key speaks for: at most one row, and only while it is good. The key itself names its tenant; it is found
-- there by its hash. Its last use is noted, to the minute, and never in the way of a request: whoever changes the row at
-- the moment is not waited for, nor is the disk, and a database that takes no writes just now lets the key in all the same.
CREATE FUNCTION app.resolve_api_key(tenant uuid, key_hash bytea)
  RETURNS TABLE (tenant_id uuid, tenant_slug text, tenant_status text, key_id uuid, key_name text,
    key_permissions text[], key_expires_at timestamptz, key_maker_role text)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  found_key public.api_keys;
  makers record;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
  SELECT * INTO entry FROM app.tenant_directory d WHERE d.id = tenant;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('app.tenant_id', entry.id::text, true);
  SELECT * INTO found_key FROM public.api_keys k
    WHERE k.tenant_id = entry.id AND k.hash = key_hash AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > now());
  IF FOUND THEN
    SELECT * INTO makers FROM app.makers_of(found_key.id);
    IF NOT makers.was_ended THEN
      IF NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'
          AND (found_key.last_used_at IS NULL OR found_key.last_used_at <= now() - interval '1 minute') THEN
        PERFORM set_config('synchronous_commit', 'off', true);
        UPDATE public.api_keys k SET last_used_at = now() WHERE k.tenant_id = entry.id AND k.id IN (
          SELECT u.id FROM public.api_keys u WHERE u.tenant_id = entry.id AND u.id = found_key.id
            AND (u.last_used_at IS NULL OR u.last_used_at <= now() - interval '1 minute')
          FOR NO KEY UPDATE SKIP LOCKED);
      END IF;
      RETURN QUERY SELECT entry.id, entry.slug, entry.status, found_key.id, found_key.name, found_key.permissions,
        found_key.expires_at, makers.maker_role;
    END IF;
  END IF;
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
END
$$;

-- Whether one of the platform's people may enter a tenant: at most one row, the widest grant in force. That they came is
-- written into the tenant's own audit, once in a quarter of an hour.
CREATE FUNCTION app.resolve_support(tenant_key text, person text)
  RETURNS TABLE (tenant_id uuid, tenant_slug text, tenant_status text, grant_id uuid, grant_access text,
    grant_expires_at timestamptz)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  in_force public.support_grants;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
  SELECT * INTO entry FROM app.tenant_directory d WHERE d.slug = tenant_key;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('app.tenant_id', entry.id::text, true);
  SELECT * INTO in_force FROM public.support_grants g
    WHERE g.tenant_id = entry.id AND g.revoked_at IS NULL AND g.expires_at > now()
    ORDER BY g.access DESC, g.expires_at DESC LIMIT 1;
  -- A visit to a suspended tenant is refused, and so none.
  IF FOUND AND entry.status = 'ACTIVE' AND NOT EXISTS (SELECT FROM public.audit_entries a
      WHERE a.tenant_id = entry.id AND a.actor_id = in_force.id AND a.action = 'supportAccessUse'
        AND a.actor_label = lower(person) AND a.created_at > now() - interval '15 minutes') THEN
    -- Servers that are asked at once note one visit; and a grant that was revoked while they waited is none.
    SELECT * INTO in_force FROM public.support_grants g
      WHERE g.tenant_id = entry.id AND g.id = in_force.id AND g.revoked_at IS NULL FOR NO KEY UPDATE;
    INSERT INTO public.audit_entries
        (tenant_id, id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, request_id)
      SELECT entry.id, gen_random_uuid(), 'SUPPORT', in_force.id, lower(person), 'supportAccessUse', 'SupportGrant',
        in_force.id, ''
      WHERE in_force.id IS NOT NULL AND NOT EXISTS (SELECT FROM public.audit_entries a
        WHERE a.tenant_id = entry.id AND a.actor_id = in_force.id AND a.action = 'supportAccessUse'
          AND a.actor_label = lower(person) AND a.created_at > now() - interval '15 minutes');
  END IF;
  IF in_force.id IS NOT NULL THEN
    RETURN QUERY SELECT entry.id, entry.slug, entry.status, in_force.id, in_force.access::text, in_force.expires_at;
  END IF;
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
END
$$;
REVOKE ALL ON FUNCTION app.resolve_member(text, text), app.memberships_of(text), app.resolve_api_key(uuid, bytea),
  app.resolve_support(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.resolve_member(text, text), app.memberships_of(text), app.resolve_api_key(uuid, bytea),
  app.resolve_support(text, text) TO bulkhead_runtime;

-- As it was, and: a job is done with every permission, so who may only read queues none.
CREATE OR REPLACE FUNCTION app.enqueue(
    task text, payload jsonb, job_key text DEFAULT NULL, run_at timestamptz DEFAULT NULL, attempts_max integer DEFAULT 25)
  RETURNS void
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tenant uuid := app.tenant_id();
  lanes constant integer := 2;
  lane integer := abs(hashtext(coalesce(job_key, gen_random_uuid()::text))::bigint) % lanes;
BEGIN
  PERFORM app.may_write('{}');
  IF jsonb_typeof(payload) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a job''s payload must be an object' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  PERFORM graphile_worker.add_job(
    identifier => task,
    payload => (payload || jsonb_build_object('tenantId', tenant))::json,
    queue_name => tenant || ':' || lane,
    run_at => run_at,
    max_attempts => attempts_max,
    job_key => tenant || ':' || job_key);
END
$$;
