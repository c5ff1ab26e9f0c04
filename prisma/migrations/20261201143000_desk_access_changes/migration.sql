-- Tells the servers that listen of which tenant a member, a key, a support grant or the status has changed: they then look
-- up again who may do what. The message is the tenant's id and nothing else, since every role of the database may listen.
-- A forged one costs a look-up.

-- The argument is the name of the column with the tenant. Equal messages of one transaction are sent once.
CREATE FUNCTION app.tell_access_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM pg_notify('bulkhead_access', coalesce(to_jsonb(OLD), to_jsonb(NEW)) ->> TG_ARGV[0]);
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.tell_access_change() FROM PUBLIC;

-- A new member or key was not found before, which servers keep no longer than without this; a new grant may be wider than
-- the one that is kept.
CREATE TRIGGER members_tell_change AFTER UPDATE OR DELETE ON members
  FOR EACH ROW EXECUTE FUNCTION app.tell_access_change('tenant_id');
CREATE TRIGGER support_grants_tell_change AFTER INSERT OR UPDATE OR DELETE ON support_grants
  FOR EACH ROW EXECUTE FUNCTION app.tell_access_change('tenant_id');
CREATE TRIGGER tenant_directory_tell_change AFTER UPDATE OR DELETE ON app.tenant_directory
  FOR EACH ROW EXECUTE FUNCTION app.tell_access_change('id');
CREATE TRIGGER api_keys_tell_end AFTER DELETE ON api_keys
  FOR EACH ROW EXECUTE FUNCTION app.tell_access_change('tenant_id');
-- The last use, which is noted every minute, is no change of what a key may do.
CREATE TRIGGER api_keys_tell_change AFTER UPDATE ON api_keys
  FOR EACH ROW WHEN (to_jsonb(OLD) - 'last_used_at' IS DISTINCT FROM to_jsonb(NEW) - 'last_used_at')
  EXECUTE FUNCTION app.tell_access_change('tenant_id');

-- Also where a restore, or a replica that applies changes, leaves out triggers.
ALTER TABLE members ENABLE ALWAYS TRIGGER members_tell_change;
ALTER TABLE support_grants ENABLE ALWAYS TRIGGER support_grants_tell_change;
ALTER TABLE app.tenant_directory ENABLE ALWAYS TRIGGER tenant_directory_tell_change;
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER api_keys_tell_end;
ALTER TABLE api_keys ENABLE ALWAYS TRIGGER api_keys_tell_change;
