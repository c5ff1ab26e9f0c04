-- What an address may hold: the same here and in the server (src/core/email.ts).

-- Whether somebody may be known by it: in its form, to be seen whole, and one address to mail software. What it may not hold
-- stands by code points, since what a class such as [:space:] holds follows the locale: Unicode's controls, formats, blanks,
-- private use and what it ignores, U+2800, U+16FE4, U+1D159, and the specials of RFC 5322. The domain is as mail software
-- looks it up: no full-width letter, no other dot than the full stop, no empty label. What Unicode has not assigned is the
-- server's to refuse: a list of that would be wrong with the next version.
CREATE OR REPLACE FUNCTION app.is_email(address text) RETURNS boolean
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN address = app.normalize_email(address) AND length(address) BETWEEN 3 AND 254
    AND address COLLATE "C" ~ '^[^@]+@[^@]+$'
    AND address COLLATE "C" !~ '[\u0001-\u0020\u0022\u0028\u0029\u002C\u003A-\u003C\u003E\u005B-\u005D\u007F-\u00A0\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890\u0891\u08E2\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uE000-\uF8FF\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFFB\U000110BD\U000110CD\U00013430-\U0001343F\U00016FE4\U0001BCA0-\U0001BCA3\U0001D159\U0001D173-\U0001D17A\U000E0000-\U000E0FFF\U000F0000-\U000FFFFD\U00100000-\U0010FFFD]'
    AND normalize(split_part(address, '@', 2), NFKC) = split_part(address, '@', 2)
    AND split_part(address, '@', 2) COLLATE "C" !~ '^\.|\.\.|\.$|\u3002';

-- Rows that break it are refused here, by their ids: whose address it is, nobody but the operator knows. The policies hold
-- the owner too, and this is about every tenant's rows.
ALTER TABLE members NO FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
  target text;
  found record;
  advice constant text := 'Nothing was changed. As the owner of the tables: BEGIN; SELECT set_config(''app.tenant_id'', %L, true); UPDATE %I SET email = ''another'' WHERE id = %L; COMMIT; and start again';
BEGIN
  FOREACH target IN ARRAY '{members,invitations}'::text[] LOOP
    EXECUTE format('SELECT t.tenant_id AS tenant, t.id AS one FROM %I t WHERE NOT app.is_email(t.email) LIMIT 1', target)
      INTO found;
    IF found.tenant IS NOT NULL THEN
      RAISE EXCEPTION 'the address in the row % of % holds what cannot be seen, or mail software reads it as another. %',
        found.one, target, format(advice, found.tenant, target, found.one);
    END IF;
  END LOOP;
END
$$;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
