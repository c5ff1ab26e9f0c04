-- One person, one address: the form in which addresses are stored and compared is the same here and in the server
-- (src/core/email.ts), on every locale.

-- Checks are made valid at once, within the one transaction: rows that break them were put right or refused before.
-- squawk-ignore-file constraint-missing-not-valid

-- Unicode NFC, then A-Z as a-z, nothing else: lower() follows the locale, and neither of them JavaScript. Its own functions
-- are bound when it is made, so that no search_path gives them another meaning, and it is in-lined where it is called.
CREATE FUNCTION app.normalize_email(address text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN translate(normalize(address, NFC), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz');

-- Whether somebody may be known by it: in that form, and to be seen whole, without spaces, controls, and what has no width.
-- By code points, since what a class such as [:space:] holds follows the locale.
CREATE FUNCTION app.is_email(address text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN address = app.normalize_email(address) AND length(address) BETWEEN 3 AND 254
    AND address COLLATE "C" ~ '^[^@]+@[^@]+$'
    AND address COLLATE "C" !~ '[\u0001-\u0020\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]';
-- Checks call both as whoever writes.
REVOKE ALL ON FUNCTION app.normalize_email(text), app.is_email(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.normalize_email(text), app.is_email(text) TO bulkhead_runtime;

-- As they were, comparing by that form.
CREATE OR REPLACE FUNCTION app.note_person() RETURNS trigger
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

CREATE OR REPLACE FUNCTION app.resolve_member(tenant_key text, member_email text)
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

CREATE OR REPLACE FUNCTION app.memberships_of(member_email text)
  RETURNS TABLE (tenant_slug text, tenant_name text, tenant_status text, member_role text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  entry app.tenant_directory;
  scope_before text := current_setting('app.tenant_id', true);
BEGIN
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

CREATE OR REPLACE FUNCTION app.resolve_support(tenant_key text, person text)
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
        AND a.actor_label = app.normalize_email(person) AND a.created_at > now() - interval '15 minutes') THEN
    -- Servers that are asked at once note one visit; and a grant that was revoked while they waited is none.
    SELECT * INTO in_force FROM public.support_grants g
      WHERE g.tenant_id = entry.id AND g.id = in_force.id AND g.revoked_at IS NULL FOR NO KEY UPDATE;
    INSERT INTO public.audit_entries
        (tenant_id, id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, request_id)
      SELECT entry.id, gen_random_uuid(), 'SUPPORT', in_force.id, app.normalize_email(person), 'supportAccessUse', 'SupportGrant',
        in_force.id, ''
      WHERE in_force.id IS NOT NULL AND NOT EXISTS (SELECT FROM public.audit_entries a
        WHERE a.tenant_id = entry.id AND a.actor_id = in_force.id AND a.action = 'supportAccessUse'
          AND a.actor_label = app.normalize_email(person) AND a.created_at > now() - interval '15 minutes');
  END IF;
  IF in_force.id IS NOT NULL THEN
    RETURN QUERY SELECT entry.id, entry.slug, entry.status, in_force.id, in_force.access::text, in_force.expires_at;
  END IF;
  PERFORM set_config('app.tenant_id', coalesce(scope_before, ''), true);
END
$$;

-- What is there is put into that form. The policies hold the owner too, and this is about every tenant's rows.
ALTER TABLE members NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customers NO FORCE ROW LEVEL SECURITY;
-- What cannot be is refused, by the rows' ids: whose address it is, nobody but the operator knows.
DO $$
DECLARE
  target text;
  found record;
  advice constant text := 'Nothing was changed. As the owner of the tables: BEGIN; SELECT set_config(''app.tenant_id'', %L, true); UPDATE %I SET email = ''another'' WHERE id = %L; COMMIT; and start again';
BEGIN
  FOREACH target IN ARRAY '{members,invitations,customers}'::text[] LOOP
    EXECUTE format($sql$
      SELECT t.tenant_id AS tenant, min(t.id::text) AS one, max(t.id::text) AS other
      FROM %I t WHERE %s GROUP BY t.tenant_id, app.normalize_email(t.email) HAVING count(*) > 1 LIMIT 1
      $sql$, target, CASE target WHEN 'invitations' THEN 'status = ''PENDING''' ELSE 'true' END) INTO found;
    IF found.tenant IS NOT NULL THEN
      RAISE EXCEPTION 'two rows of % have one address in two spellings: % and %. %',
        target, found.one, found.other, format(advice, found.tenant, target, found.other);
    END IF;
    CONTINUE WHEN target = 'customers';
    EXECUTE format('SELECT t.tenant_id AS tenant, t.id AS one FROM %I t WHERE NOT app.is_email(app.normalize_email(t.email)) LIMIT 1', target)
      INTO found;
    IF found.tenant IS NOT NULL THEN
      RAISE EXCEPTION 'the address in the row % of % holds what cannot be seen, or is none. %',
        found.one, target, format(advice, found.tenant, target, found.one);
    END IF;
  END LOOP;
END
$$;
ALTER TABLE members DROP CONSTRAINT members_email_check;
ALTER TABLE invitations DROP CONSTRAINT invitations_email_check;
ALTER TABLE customers DROP CONSTRAINT customers_email_check;
UPDATE members SET email = app.normalize_email(email) WHERE email <> app.normalize_email(email);
UPDATE invitations SET email = app.normalize_email(email) WHERE email <> app.normalize_email(email);
UPDATE customers SET email = app.normalize_email(email) WHERE email <> app.normalize_email(email);
DELETE FROM app.person_directory;
INSERT INTO app.person_directory (email, tenant_id) SELECT email, tenant_id FROM members WHERE status = 'ACTIVE';
ALTER TABLE members FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
ALTER TABLE customers FORCE ROW LEVEL SECURITY;

ALTER TABLE members ADD CONSTRAINT members_email_check CHECK (app.is_email(email));
ALTER TABLE invitations ADD CONSTRAINT invitations_email_check CHECK (app.is_email(email));
-- A shop's customers are no identities here: one whose address cannot be written to may stay.
ALTER TABLE customers ADD CONSTRAINT customers_email_check
  CHECK (email = app.normalize_email(email) AND length(email) BETWEEN 3 AND 320);
ALTER TABLE app.person_directory ADD CONSTRAINT person_directory_email_check CHECK (app.is_email(email));
