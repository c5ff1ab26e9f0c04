-- A tenant's people and programs: members, invitations, keys, and how each is known before a tenant is entered.

-- Applied at a start, in one transaction, where CONCURRENTLY cannot be.
-- squawk-ignore-file require-concurrent-index-creation

CREATE TYPE "member_role" AS ENUM ('OWNER', 'ADMIN', 'STAFF', 'VIEWER');
CREATE TYPE "member_status" AS ENUM ('ACTIVE', 'REMOVED');
CREATE TYPE "invitation_status" AS ENUM ('PENDING', 'ACCEPTED', 'REVOKED');

CREATE TABLE "members" (
    "tenant_id" UUID NOT NULL DEFAULT app.tenant_id(),
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "role" "member_role" NOT NULL,
    "status" "member_status" NOT NULL DEFAULT 'ACTIVE',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "members_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE UNIQUE INDEX "members_tenant_id_email_key" ON "members"("tenant_id", "email");

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
    "invited_by_id" UUID,

    CONSTRAINT "invitations_pkey" PRIMARY KEY ("tenant_id","id")
);
CREATE INDEX "invitations_tenant_id_created_at_id_idx" ON "invitations"("tenant_id", "created_at", "id");
CREATE UNIQUE INDEX "invitations_tenant_id_token_hash_key" ON "invitations"("tenant_id", "token_hash");

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
CREATE INDEX "api_keys_tenant_id_created_at_id_idx" ON "api_keys"("tenant_id", "created_at", "id");
CREATE UNIQUE INDEX "api_keys_tenant_id_hash_key" ON "api_keys"("tenant_id", "hash");

ALTER TABLE members
  ADD CONSTRAINT members_email_check CHECK (app.is_email(email));
ALTER TABLE invitations
  ADD CONSTRAINT invitations_email_check CHECK (app.is_email(email)),
  ADD CONSTRAINT invitations_accepted_check CHECK ((status = 'ACCEPTED') = (accepted_at IS NOT NULL));
CREATE UNIQUE INDEX invitations_tenant_id_email_pending_key ON invitations (tenant_id, email) WHERE status = 'PENDING';
ALTER TABLE api_keys
  ADD CONSTRAINT api_keys_hash_check CHECK (length(hash) = 32),
  ADD CONSTRAINT api_keys_permissions_check CHECK (permissions IS NOT NULL AND cardinality(permissions) BETWEEN 1 AND 100);

SELECT app.protect('members', writers => '{members:manage,invitations:accept}');
SELECT app.protect('invitations', writers => '{members:manage,invitations:accept}');
SELECT app.protect('api_keys', writers => '{keys:manage,members:manage}');
-- Who was let in is never unsaid.
REVOKE DELETE ON members, invitations, api_keys FROM bulkhead_runtime;

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
  PRIMARY KEY (email, tenant_id),
  CONSTRAINT person_directory_email_check CHECK (app.is_email(email))
);
CREATE INDEX person_directory_tenant_id_idx ON app.person_directory (tenant_id);
CREATE FUNCTION app.note_person() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (OLD.email <> NEW.email OR NEW.status <> 'ACTIVE')) THEN
    DELETE FROM app.person_directory p WHERE p.email = app.normalize_email(OLD.email) AND p.tenant_id = OLD.tenant_id;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.status = 'ACTIVE' THEN
    INSERT INTO app.person_directory VALUES (app.normalize_email(NEW.email), NEW.tenant_id) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.note_person() FROM PUBLIC;
CREATE TRIGGER members_note_person AFTER INSERT OR UPDATE OR DELETE ON members
  FOR EACH ROW EXECUTE FUNCTION app.note_person();

-- Open invitations end with the authority of who sent them, whatever the SQL that takes it: all of a member who was removed
-- or may not invite any more, and of an administrator who was an owner those to a role above theirs now; and so those sent
-- with the keys that the member made, and the keys that these made. The roles' order is the type's own; that ADMIN is the
-- least that invites is the code's table, and held equal by a test. With the owner's rights, since who may end a key need not
-- be one who may end invitations.
CREATE FUNCTION app.end_invitations_of_member() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  WITH RECURSIVE inviters AS (
    SELECT OLD.id AS id
    UNION
    SELECT k.id FROM inviters
      JOIN public.api_keys k ON k.tenant_id = OLD.tenant_id AND k.created_by_id = inviters.id
  )
  UPDATE public.invitations i SET status = 'REVOKED', token_hash = NULL, updated_at = now()
    WHERE i.tenant_id = OLD.tenant_id AND i.invited_by_id IN (SELECT id FROM inviters) AND i.status = 'PENDING'
      AND (NEW.status <> 'ACTIVE' OR NEW.role > 'ADMIN' OR i.role < NEW.role);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.end_invitations_of_member() FROM PUBLIC;
CREATE TRIGGER members_end_invitations AFTER UPDATE OF role, status ON members
  FOR EACH ROW WHEN (NEW.role > OLD.role OR NEW.status <> 'ACTIVE')
  EXECUTE FUNCTION app.end_invitations_of_member();

CREATE FUNCTION app.end_invitations_of_key() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE public.invitations i SET status = 'REVOKED', token_hash = NULL, updated_at = now()
    WHERE i.tenant_id = OLD.tenant_id AND i.invited_by_id = OLD.id AND i.status = 'PENDING';
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.end_invitations_of_key() FROM PUBLIC;
CREATE TRIGGER api_keys_end_invitations AFTER UPDATE OF revoked_at ON api_keys
  FOR EACH ROW WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
  EXECUTE FUNCTION app.end_invitations_of_key();

-- The member or invitation of a verified token's address: at most one row. Somebody invited may only accept. Enters the tenant that the token names, since the policies hold the owner's rights too, and leaves it again.
CREATE FUNCTION app.resolve_member(tenant_key text, member_email text)
  RETURNS TABLE (tenant_id uuid, tenant_slug text, tenant_status text, member_id uuid, member_role text, invitation_id uuid)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
  PERFORM app.before_tenant();
  SELECT * INTO entry FROM app.tenant_directory d WHERE d.slug = tenant_key;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM set_config('app.tenant_id', entry.id::text, true);
  RETURN QUERY
    SELECT entry.id, entry.slug, entry.status, m.id, m.role::text, NULL::uuid
    FROM public.members m
    WHERE m.tenant_id = entry.id AND m.email = app.normalize_email(member_email) AND m.status = 'ACTIVE';
  IF NOT FOUND THEN
    RETURN QUERY
      SELECT entry.id, entry.slug, entry.status, NULL::uuid, NULL::text, i.id
      FROM public.invitations i
      WHERE i.tenant_id = entry.id AND i.email = app.normalize_email(member_email) AND i.status = 'PENDING'
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
  PERFORM app.before_tenant();
  FOR entry IN SELECT d.* FROM app.person_directory p JOIN app.tenant_directory d ON d.id = p.tenant_id
      WHERE p.email = app.normalize_email(member_email) ORDER BY d.slug LIMIT 100 LOOP
    PERFORM set_config('app.tenant_id', entry.id::text, true);
    RETURN QUERY
      SELECT entry.slug, t.name, entry.status, m.role::text
      FROM public.members m JOIN public.tenants t ON t.tenant_id = m.tenant_id
      WHERE m.tenant_id = entry.id AND m.email = app.normalize_email(member_email) AND m.status = 'ACTIVE';
  END LOOP;
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
END
$$;

-- Who stands behind a key of the tenant in scope: the member who made it, or who made the key that made it, and so on.
-- A key does no more than that member's role as it is now; it ends with the member, and with a key before it. No role: nobody
-- made it but the platform.
CREATE FUNCTION app.makers_of(key uuid) RETURNS TABLE (maker_role text, was_ended boolean)
  LANGUAGE sql STABLE
AS $$
  WITH RECURSIVE makers AS (
    SELECT k.created_by_id, k.revoked_at FROM public.api_keys k
      WHERE k.tenant_id = app.tenant_id() AND k.id = key
    UNION
    SELECT k.created_by_id, k.revoked_at FROM makers made
      JOIN public.api_keys k ON k.tenant_id = app.tenant_id() AND k.id = made.created_by_id
  ), member AS (
    SELECT m.role, m.status FROM makers made
      JOIN public.members m ON m.tenant_id = app.tenant_id() AND m.id = made.created_by_id
  )
  SELECT (SELECT role::text FROM member),
    EXISTS (SELECT FROM makers WHERE revoked_at IS NOT NULL) OR EXISTS (SELECT FROM member WHERE status <> 'ACTIVE')
$$;
REVOKE ALL ON FUNCTION app.makers_of(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.makers_of(uuid) TO bulkhead_runtime;

-- What an API key speaks for: at most one row, and only while it is good. The key itself names its tenant; it is found
-- there by its hash. Its last use is noted, to the minute, and never in the way of a request: a lock on the row is not
-- waited for, nor is the disk, and a database that takes no writes just now lets the key in all the same.
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
  PERFORM app.before_tenant();
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
REVOKE ALL ON FUNCTION app.resolve_member(text, text), app.memberships_of(text), app.resolve_api_key(uuid, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.resolve_member(text, text), app.memberships_of(text), app.resolve_api_key(uuid, bytea)
  TO bulkhead_runtime;

-- How often one person is written to in a day, whichever tenants ask for it: a hash of the address, and nothing of what was
-- sent or by which tenant. Behind no policy, since it is about all tenants at once, and granted to nobody; asked by
-- app.claim_mail.
CREATE TABLE app.mailed_recipients (
  recipient bytea NOT NULL,
  mail_id   uuid NOT NULL,
  mailed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (recipient, mail_id)
);
CREATE INDEX mailed_recipients_mailed_at_idx ON app.mailed_recipients (mailed_at);

-- Whether the mail may go to the address now: one address is sent 5 mails a day, over all tenants, and the same mail again
-- is no further one. For the system's own work alone, so that no tenant's request learns what others sent. What is older
-- than a day is deleted on the way.
CREATE FUNCTION app.claim_mail(address text, mail uuid) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  mails_per_day_max constant integer := 5;
  -- What stands behind a plus reaches the same person.
  mailbox constant text := regexp_replace(app.normalize_email(address), '\+[^@]*@', '@');
  hash constant bytea := sha256(convert_to(mailbox, 'UTF8'));
BEGIN
  PERFORM app.tenant_id();
  PERFORM app.may_write('{system}');
  -- Two at once would both see room for one.
  PERFORM pg_advisory_xact_lock(hashtextextended(mailbox, 1));
  DELETE FROM app.mailed_recipients r WHERE r.ctid = ANY (ARRAY(
    SELECT o.ctid FROM app.mailed_recipients o WHERE o.mailed_at <= now() - interval '1 day'
    ORDER BY o.mailed_at LIMIT 100 FOR UPDATE SKIP LOCKED));
  IF EXISTS (SELECT FROM app.mailed_recipients r WHERE r.recipient = hash AND r.mail_id = mail) THEN
    RETURN true;
  END IF;
  IF (SELECT count(*) FROM app.mailed_recipients r
      WHERE r.recipient = hash AND r.mailed_at > now() - interval '1 day') >= mails_per_day_max THEN
    RETURN false;
  END IF;
  INSERT INTO app.mailed_recipients (recipient, mail_id) VALUES (hash, mail);
  RETURN true;
END
$$;
REVOKE ALL ON FUNCTION app.claim_mail(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.claim_mail(text, uuid) TO bulkhead_runtime;
