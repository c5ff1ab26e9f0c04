// Rules about the initial settings of a session of our roles. session-settings.ts lists the settings.
import { SESSION_SETTINGS } from '../session-settings.ts'
import { type Check, rule } from './check.ts'

/** For a `pg_db_role_setting p`: it applies to this database. */
const HERE = 'p.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))'

const WANTED = `(VALUES ${Object.entries(SESSION_SETTINGS)
  .map(([name, value]) => `('${name}', '${value}')`)
  .join(', ')}) AS wanted (name, value)`

/** Our sessions set them, but a pooler's session starts with these, and DISCARD ALL restores them. */
const defaults: Check = rule({
  code: 'session-setting',
  sql: `
    SELECT 'database ' || quote_ident(current_database()) AS object, s.name, s.reset_val AS has, wanted.value AS wants
    FROM ${WANTED} JOIN pg_settings s ON s.name = wanted.name
    WHERE s.reset_val <> wanted.value AND NOT EXISTS (
      SELECT FROM pg_db_role_setting p CROSS JOIN LATERAL unnest(p.setconfig) AS preset
      WHERE ${HERE} AND p.setrole = to_regrole(quote_ident(session_user)) AND split_part(preset, '=', 1) = s.name)`,
  message: ({ name, has, wants }) =>
    `a session starts with ${name} = ${has}, not ${wants}: migrate, or ALTER DATABASE … SET ${name} = '${wants}'`,
})

/** Presets of a role take precedence over the database's. */
const presets: Check = rule({
  code: 'session-preset',
  sql: `
    SELECT 'role ' || r.rolname AS object, preset, wanted.name, wanted.value AS wants
    FROM pg_db_role_setting p
    JOIN pg_roles r ON r.oid = p.setrole
    CROSS JOIN LATERAL unnest(p.setconfig) AS preset
    JOIN ${WANTED} ON split_part(preset, '=', 1) = wanted.name AND preset <> wanted.name || '=' || wanted.value
    WHERE ${HERE}
      AND (EXISTS (SELECT FROM pg_roles ours WHERE ours.rolname IN ('bulkhead_runtime', 'bulkhead_worker')
          AND pg_has_role(r.oid, ours.oid, 'MEMBER') AND NOT r.rolsuper)
        OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid AND c.relrowsecurity))`,
  message: ({ preset, name, wants }) =>
    `presets ${preset}, where every session needs ${wants}: ALTER ROLE … RESET ${name} (or … IN DATABASE … RESET)`,
})

export const sessionChecks: readonly Check[] = [defaults, presets]
