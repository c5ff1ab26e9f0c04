// Ways to damage the policies of a table, each with the doctor's expected finding, and how to repair them.

const TENANT = 'tenant_id = (SELECT app.tenant_id())'
const WRITER = `(SELECT app.may_write('{tenant:manage}'::text[]))`
const TENANT_AND_WRITER = `${TENANT} AND ${WRITER}`

/** Recreates a policy of exports, correct except for `rest`. */
const repolicy = (name: string, rest: string) =>
  `DROP POLICY tenant_${name} ON exports; CREATE POLICY tenant_${name} ON exports ${rest}`

/** Run as a superuser, after PRELUDE; the doctor must report this code for exports. */
type PolicySabotage = [what: string, sql: string, code: string]

/** Objects that resemble those which the policies use. */
export const PRELUDE = `
  CREATE FUNCTION public.tenant_id() RETURNS uuid LANGUAGE sql AS 'SELECT null::uuid';
  CREATE FUNCTION public.may_write(text[]) RETURNS boolean LANGUAGE sql AS 'SELECT true';
  CREATE FUNCTION public.alike(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
  CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = public.alike)`

/** Restores any of POLICIES. */
export const MEND = `
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT policyname FROM pg_policies WHERE tablename = 'exports' LOOP
      EXECUTE format('DROP POLICY %I ON exports', name);
    END LOOP;
  END $$;
  SELECT app.protect('exports', writers => '{tenant:manage}')`

const NAMES = ['select', 'insert', 'update', 'delete', 'owner'] as const

/** By the clauses that each policy has. */
const CLAUSES = [
  ['select', 'USING', 'policy-using'],
  ['insert', 'WITH CHECK', 'policy-check'],
  ['update', 'USING', 'policy-using'],
  ['update', 'WITH CHECK', 'policy-check'],
  ['delete', 'USING', 'policy-using'],
  ['owner', 'USING', 'policy-using'],
  ['owner', 'WITH CHECK', 'policy-check'],
] as const

/** Wrong contents of a clause. */
const WRONG_TENANT = [
  ['true', 'true'],
  ['`setting IS NULL OR …`', `current_setting('app.tenant_id', true) IS NULL OR ${TENANT}`],
  ['a reading of the setting itself', `tenant_id = current_setting('app.tenant_id')::uuid`],
  ['a call for each row', 'tenant_id = app.tenant_id()'],
  ['a function that looks alike', 'tenant_id = (SELECT public.tenant_id())'],
  ['an operator that looks alike', 'tenant_id OPERATOR(public.=) (SELECT app.tenant_id())'],
] as const

const WRONG_WRITER = [
  ['the tenant alone', TENANT, 'policy-using'],
  ['the permission alone, relying on another policy for the tenant', WRITER, 'policy-using'],
  ['the tenant or the permission', `${TENANT} OR ${WRITER}`, 'policy-using'],
  ['a way past the permission', `${TENANT} AND (row_count > 0 OR ${WRITER})`, 'policy-using'],
  ['the permission for each row', `${TENANT} AND app.may_write('{tenant:manage}'::text[])`, 'policy-using'],
  [
    'a reading of the setting itself',
    `${TENANT} AND current_setting('app.permissions') <> ''`,
    'policy-using',
  ],
  [
    'a function that looks alike',
    `${TENANT} AND (SELECT public.may_write('{tenant:manage}'::text[]))`,
    'policy-using',
  ],
  ['less than the others ask', `${TENANT} AND (SELECT app.may_write('{}'::text[]))`, 'policy-writers'],
] as const

/** The former policies, before each named the tenant: see copied-policies.test.ts. */
export const RESTRICTIVE_POLICIES = `
  DROP POLICY tenant_select ON TABLE_; DROP POLICY tenant_insert ON TABLE_; DROP POLICY tenant_update ON TABLE_;
  DROP POLICY tenant_delete ON TABLE_; DROP POLICY tenant_owner ON TABLE_;
  CREATE POLICY tenant_isolation ON TABLE_ USING (${TENANT}) WITH CHECK (${TENANT});
  CREATE POLICY write_insert ON TABLE_ AS RESTRICTIVE FOR INSERT TO bulkhead_runtime WITH CHECK (${WRITER});
  CREATE POLICY write_update ON TABLE_ AS RESTRICTIVE FOR UPDATE TO bulkhead_runtime USING (${WRITER});
  CREATE POLICY write_delete ON TABLE_ AS RESTRICTIVE FOR DELETE TO bulkhead_runtime USING (${WRITER})`

const damage = (what: string, sql: string, code: string): PolicySabotage => [what, sql, code]

export const POLICIES: PolicySabotage[] = [
  damage(
    'case 3: row-level security turned off',
    'ALTER TABLE exports DISABLE ROW LEVEL SECURITY',
    'rls-disabled',
  ),
  damage(
    'case 3: row-level security not forced',
    'ALTER TABLE exports NO FORCE ROW LEVEL SECURITY',
    'rls-not-forced',
  ),
  ...NAMES.flatMap((name) => [
    damage(`case 3: no policy tenant_${name}`, `DROP POLICY tenant_${name} ON exports`, 'policy-missing'),
    damage(
      `tenant_${name} for one role more`,
      `ALTER POLICY tenant_${name} ON exports TO bulkhead_runtime, bulkhead_owner`,
      'policy-roles',
    ),
    damage(
      `tenant_${name} for everybody`,
      `ALTER POLICY tenant_${name} ON exports TO PUBLIC`,
      'policy-roles',
    ),
  ]),
  damage(
    'one of another name in its place',
    'ALTER POLICY tenant_delete ON exports RENAME TO tenant_gone',
    'policy-missing',
  ),
  damage(
    'for one role in place of another',
    'ALTER POLICY tenant_owner ON exports TO bulkhead_worker',
    'policy-roles',
  ),
  damage(
    'for one command more',
    repolicy('select', `TO bulkhead_runtime USING (${TENANT}) WITH CHECK (${TENANT})`),
    'policy-command',
  ),
  damage(
    'for another command',
    repolicy('update', `FOR DELETE TO bulkhead_runtime USING (${TENANT_AND_WRITER})`),
    'policy-command',
  ),
  damage('case 6: one policy more', 'CREATE POLICY also ON exports FOR SELECT USING (true)', 'policy-extra'),
  damage(
    'one policy more that is right today',
    `CREATE POLICY also ON exports USING (${TENANT}) WITH CHECK (${TENANT})`,
    'policy-extra',
  ),
  damage(
    'one policy more that only takes away',
    'CREATE POLICY less ON exports AS RESTRICTIVE FOR DELETE USING (false)',
    'policy-restrictive',
  ),
  damage(
    'one of its own that only takes away',
    repolicy('delete', `AS RESTRICTIVE FOR DELETE TO bulkhead_runtime USING (${TENANT_AND_WRITER})`),
    'policy-restrictive',
  ),
  damage(
    'policies that rely on each other',
    RESTRICTIVE_POLICIES.replaceAll('TABLE_', 'exports'),
    'policy-missing',
  ),
  ...CLAUSES.flatMap(([name, clause, code]) =>
    WRONG_TENANT.map(([what, expression]) =>
      damage(
        `case 6: tenant_${name}, ${clause}: ${what}`,
        `ALTER POLICY tenant_${name} ON exports ${clause} (${expression})`,
        code,
      ),
    ),
  ),
  ...(['update', 'delete'] as const).flatMap((name) =>
    WRONG_WRITER.map(([what, expression, code]) =>
      damage(`tenant_${name}: ${what}`, `ALTER POLICY tenant_${name} ON exports USING (${expression})`, code),
    ),
  ),
  damage(
    'tenant_insert: the tenant alone',
    `ALTER POLICY tenant_insert ON exports WITH CHECK (${TENANT})`,
    'policy-check',
  ),
  damage(
    'no WITH CHECK',
    repolicy('update', `FOR UPDATE TO bulkhead_runtime USING (${TENANT_AND_WRITER})`),
    'policy-check',
  ),
]
