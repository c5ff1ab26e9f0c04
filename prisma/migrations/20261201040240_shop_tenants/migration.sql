-- What the shop does for a new tenant, and what is kept of its books when a tenant is erased.

-- A merchant's orders are numbered, and the books open, from the first day.
CREATE FUNCTION app.open_shop() RETURNS void
  LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO public.tenant_counters (tenant_id, name, value) VALUES (app.tenant_id(), 'order', 0);
  PERFORM app.open_accounts(t.tenant_id, t.currency) FROM public.tenants t WHERE t.tenant_id = app.tenant_id();
END
$$;
REVOKE ALL ON FUNCTION app.open_shop() FROM PUBLIC;
INSERT INTO app.tenant_hooks (function_name, position) VALUES ('open_shop', 100);

INSERT INTO app.retained (table_name, columns) VALUES
  ('orders', '{number,status,payment_status,currency,total_minor,paid_minor,refunded_minor,refund_pending_minor,charged_back_minor,reduced_minor,returned_minor,placed_at,fulfilled_at,cancelled_at}'),
  ('payments', '{order_id,provider_kind,status,amount_minor,currency,refunded_minor,charged_back_minor,fee_minor,created_at,settled_at}'),
  ('refunds', '{payment_id,status,amount_minor,reduces_minor,currency,created_at,settled_at}'),
  ('disputes', '{payment_id,status,amount_minor,withdrawn_minor,reinstated_minor,fee_minor,currency,opened_at}'),
  ('ledger_accounts', '{code,name,type,currency,created_at}'),
  ('journal_entries', '{kind,source_type,source_id,reverses_id,posting_count,posted_at}'),
  ('postings', '{entry_id,position,account_id,currency,amount_minor,posted_at}');
