-- Support: the platform's people in a tenant, by its leave.

CREATE TYPE "support_access" AS ENUM ('READ', 'WRITE');

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
CREATE INDEX "support_grants_tenant_id_created_at_id_idx" ON "support_grants"("tenant_id", "created_at", "id");

ALTER TABLE support_grants
  ADD CONSTRAINT support_grants_period_check CHECK (expires_at > created_at);

SELECT app.protect('support_grants', writers => '{support:manage}');
REVOKE DELETE ON support_grants FROM bulkhead_runtime;

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
REVOKE ALL ON FUNCTION app.resolve_support(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.resolve_support(text, text) TO bulkhead_runtime;
