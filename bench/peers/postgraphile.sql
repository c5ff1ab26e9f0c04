-- How `postgraphile` places an order: a function, as its documentation teaches, with the same checks and writes as the
-- product's orderPlace. The policies limit it to the tenant.
CREATE SCHEMA bench_postgraphile;
GRANT USAGE ON SCHEMA bench_postgraphile TO bulkhead_runtime;
CREATE TYPE bench_postgraphile.asked_line AS (variant_id uuid, quantity int);

CREATE FUNCTION bench_postgraphile.order_place(
  idempotency_key text, customer_id uuid, lines bench_postgraphile.asked_line[]
) RETURNS public.orders
  LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
  member uuid := current_setting('bench.member_id')::uuid;
  label text := current_setting('bench.member_email');
  input_hash bytea := sha256(convert_to(order_place.customer_id || order_place.lines::text, 'UTF8'));
  order_id uuid := uuidv7();
  known public.idempotency_keys;
  order_number int;
  placed public.orders;
  shown jsonb;
BEGIN
  INSERT INTO public.idempotency_keys (operation, key, fingerprint, outcome, actor_kind, actor_id)
    VALUES ('orderPlace', order_place.idempotency_key, input_hash,
      jsonb_build_object('id', order_id, 'userErrors', '[]'::jsonb), 'MEMBER', member)
    ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    SELECT * INTO known FROM public.idempotency_keys
      WHERE operation = 'orderPlace' AND key = order_place.idempotency_key;
    IF known.fingerprint <> input_hash THEN
      RAISE EXCEPTION 'this key belongs to another input';
    END IF;
    SELECT * INTO placed FROM public.orders WHERE id = (known.outcome ->> 'id')::uuid;
    RETURN placed;
  END IF;

  WITH locked AS (
    SELECT s.variant_id, a.quantity
    FROM unnest(order_place.lines) AS a (variant_id, quantity)
    JOIN public.stock_levels s ON s.variant_id = a.variant_id
    ORDER BY s.variant_id FOR NO KEY UPDATE OF s
  ), reserved AS (
    UPDATE public.stock_levels s SET reserved = s.reserved + l.quantity FROM locked l
    WHERE s.variant_id = l.variant_id AND s.on_hand - s.reserved >= l.quantity
    RETURNING s.variant_id
  )
  UPDATE public.tenant_counters SET value = value + 1
    WHERE name = 'order' AND (SELECT count(*) FROM reserved) = cardinality(order_place.lines)
    RETURNING value INTO order_number;
  IF order_number IS NULL THEN
    RAISE EXCEPTION 'sold out';
  END IF;

  WITH priced AS (
    SELECT a.*, v.sku, v.price_minor, v.currency,
      CASE WHEN EXISTS (SELECT FROM public.variants o WHERE o.product_id = v.product_id AND o.id <> v.id)
        THEN p.title || ' – ' || v.title ELSE p.title END AS title
    FROM unnest(order_place.lines) WITH ORDINALITY AS a (variant_id, quantity, position)
    JOIN public.variants v ON v.id = a.variant_id
    JOIN public.products p ON p.id = v.product_id AND p.status = 'ACTIVE'
  ), made AS (
    INSERT INTO public.orders (id, number, customer_id, currency, total_minor, hold_expires_at, buyer, shipping_address,
      billing_address)
    SELECT order_id, order_number, c.id, p.currency, p.total_minor, now() + interval '24 hours', app.buyer_of(c),
      app.address_of(c), app.address_of(c)
    FROM public.customers c,
      (SELECT min(currency) AS currency, sum(price_minor * quantity) AS total_minor, count(*) AS line_count,
         count(DISTINCT currency) AS currencies FROM priced) p
    WHERE c.id = order_place.customer_id AND p.line_count = cardinality(order_place.lines) AND p.currencies = 1
    RETURNING *
  ), made_lines AS (
    INSERT INTO public.order_lines
      (id, order_id, position, variant_id, sku, title, quantity, currency, unit_price_minor, total_minor)
    SELECT uuidv7(), made.id, p.position, p.variant_id, p.sku, p.title, p.quantity, p.currency, p.price_minor,
      p.price_minor * p.quantity
    FROM priced p, made
  ), movements AS (
    INSERT INTO public.stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id)
    SELECT uuidv7(), p.variant_id, 'RESERVATION', 0, p.quantity, made.id FROM priced p, made
  )
  SELECT * INTO placed FROM made;
  IF placed.id IS NULL THEN
    RAISE EXCEPTION 'there is no such customer, or a variant is not for sale';
  END IF;

  shown := jsonb_build_object('number', placed.number, 'status', placed.status,
    'totalMinor', placed.total_minor::text, 'currency', placed.currency);
  INSERT INTO public.audit_entries
    (id, actor_kind, actor_id, actor_label, action, subject_type, subject_id, after, request_id)
    VALUES (uuidv7(), 'MEMBER', member, label, 'orderPlace', 'Order', placed.id,
      shown || jsonb_build_object('customerId', placed.customer_id), current_setting('bench.request_id'));
  INSERT INTO public.outbox_events (id, type, subject_type, subject_id, payload)
    VALUES (uuidv7(), 'order.placed', 'Order', placed.id, shown);
  RETURN placed;
END
$$;
GRANT EXECUTE ON FUNCTION bench_postgraphile.order_place(text, uuid, bench_postgraphile.asked_line[])
  TO bulkhead_runtime;
