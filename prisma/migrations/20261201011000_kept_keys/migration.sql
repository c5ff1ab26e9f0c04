-- A key stands on a member who is here: it is that member's own, or an owner's who kept it, and it ends with them. And the
-- invitations that a key sent end with the authority of the member behind it, as those that the member sent do.

-- As it was, and: a key whose maker was removed is ended, and so are those that it made. Keys that were kept before this for
-- nobody in particular stop with it: nothing says who answers for them.
CREATE OR REPLACE FUNCTION app.makers_of(key uuid) RETURNS TABLE (maker_role text, was_ended boolean)
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

-- As it was, and through the keys that the member made, and those that these made.
CREATE OR REPLACE FUNCTION app.end_invitations_of_member() RETURNS trigger
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
