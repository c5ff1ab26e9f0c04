-- What is asked before a tenant is known is not answered in a tenant's scope: from there it would tell of other tenants, and
-- note a visit of the platform's people in their audits.

-- Raises where a tenant is in scope. Called by the functions below, as their owner.
CREATE FUNCTION app.before_tenant() RETURNS void
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF coalesce(current_setting('app.tenant_id', true), '') <> '' THEN
    RAISE EXCEPTION 'this is asked before a tenant is known, and one is in scope' USING ERRCODE = 'BK005';
  END IF;
END
$$;
REVOKE ALL ON FUNCTION app.before_tenant() FROM PUBLIC;

-- As they were, with that check.
CREATE OR REPLACE FUNCTION app.resolve_member(tenant_key text, member_email text)
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

CREATE OR REPLACE FUNCTION app.memberships_of(member_email text)
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

CREATE OR REPLACE FUNCTION app.resolve_api_key(tenant uuid, key_hash bytea)
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
  PERFORM app.before_tenant();
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

CREATE OR REPLACE FUNCTION app.resolve_tenant(tenant uuid, tenant_key text)
  RETURNS TABLE (tenant_id uuid, tenant_slug text, tenant_status text)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM app.before_tenant();
  RETURN QUERY
    SELECT d.id, d.slug, d.status FROM app.tenant_directory d WHERE d.id = tenant OR d.slug = tenant_key LIMIT 1;
END
$$;
