-- How a tenant is made, and what each module does for a new one.

-- Functions of schema app, without arguments, that a module's migration names here: app.create_tenant calls them in this
-- order, in the scope of the new tenant, when its own row is there. By name and not as regprocedure, since pg_upgrade refuses
-- databases whose tables have columns of that type.
CREATE TABLE app.tenant_hooks (
  function_name text PRIMARY KEY,
  position      integer NOT NULL
);
REVOKE ALL ON app.tenant_hooks FROM PUBLIC;

-- Makes a tenant, as the owner role: its address, its own row, and whatever the modules add.
CREATE FUNCTION app.create_tenant(tenant uuid, tenant_slug text, tenant_name text, tenant_currency text) RETURNS void
  LANGUAGE plpgsql
AS $$
DECLARE
  hook text;
BEGIN
  PERFORM set_config('app.tenant_id', tenant::text, true);
  INSERT INTO app.tenant_directory (id, slug) VALUES (tenant, tenant_slug);
  INSERT INTO public.tenants (tenant_id, name, currency) VALUES (tenant, tenant_name, tenant_currency);
  FOR hook IN SELECT h.function_name FROM app.tenant_hooks h ORDER BY h.position, h.function_name LOOP
    EXECUTE format('SELECT app.%I()', hook);
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION app.create_tenant(uuid, text, text, text) FROM PUBLIC;
