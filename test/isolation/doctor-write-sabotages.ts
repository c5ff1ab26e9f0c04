// Owns: the ways to damage the second wall, on writing, each with what the doctor must say of it.
import { type Sabotage, TABLE } from './doctor-sabotages.ts'

/** What products' own policies on writing ask. */
const WRITERS = `(SELECT app.may_write('{catalogue:write}'::text[]))`
/** One of them made anew. */
const rewrite = (policy: string) =>
  `DROP POLICY write_update ON products; CREATE POLICY write_update ON products ${policy}`

export const WRITES: Sabotage[] = [
  ...['insert', 'update', 'delete'].map(
    (command): Sabotage => [
      `its policy write_${command} dropped`,
      `DROP POLICY write_${command} ON products`,
      'write-policy-missing',
      'public.products',
    ],
  ),
  [
    'one of another name in its place',
    'ALTER POLICY write_delete ON products RENAME TO write_gone',
    'write-policy-missing',
    'public.products',
  ],
  [
    'one made permissive, and right but for that',
    rewrite(`FOR UPDATE TO bulkhead_runtime USING (${WRITERS})`),
    'write-policy-permissive',
    'public.products',
  ],
  [
    'USING (true)',
    'ALTER POLICY write_update ON products USING (true)',
    'write-policy-expression',
    'public.products',
  ],
  [
    'WITH CHECK (true)',
    'ALTER POLICY write_insert ON products WITH CHECK (true)',
    'write-policy-expression',
    'public.products',
  ],
  [
    'a WITH CHECK beside its USING',
    `ALTER POLICY write_update ON products WITH CHECK (true)`,
    'write-policy-expression',
    'public.products',
  ],
  [
    'one that asks or lets be',
    `ALTER POLICY write_delete ON products USING (version > 0 OR ${WRITERS})`,
    'write-policy-expression',
    'public.products',
  ],
  [
    'one that asks for less than the others',
    `ALTER POLICY write_delete ON products USING ((SELECT app.may_write('{}'::text[])))`,
    'write-policy-expression',
    'public.products',
  ],
  [
    'one on a function that looks alike',
    `CREATE FUNCTION public.may_write(text[]) RETURNS boolean LANGUAGE sql AS 'SELECT true';
     ALTER POLICY write_delete ON products USING ((SELECT public.may_write('{catalogue:write}'::text[])))`,
    'write-policy-expression',
    'public.products',
  ],
  [
    'one that reads the setting itself',
    `ALTER POLICY write_delete ON products USING (current_setting('app.permissions') <> '')`,
    'write-policy-expression',
    'public.products',
  ],
  [
    'the form for Citus, where Citus is not',
    `ALTER POLICY write_delete ON products USING (app.may_write('{catalogue:write}'::text[]))`,
    'write-policy-expression',
    'public.products',
  ],
  [
    'one for another role',
    `ALTER POLICY write_update ON products TO bulkhead_worker`,
    'write-policy-roles',
    'public.products',
  ],
  [
    'one for everyone, the owner too',
    'ALTER POLICY write_update ON products TO PUBLIC',
    'write-policy-roles',
    'public.products',
  ],
  [
    'one for another command',
    rewrite(`AS RESTRICTIVE FOR DELETE TO bulkhead_runtime USING (${WRITERS})`),
    'write-policy-command',
    'public.products',
  ],
  [
    'a new table with the first wall alone',
    `CREATE TABLE notes (${TABLE}); SELECT app.protect('notes');
     DROP POLICY write_insert ON notes; DROP POLICY write_update ON notes; DROP POLICY write_delete ON notes`,
    'write-policy-missing',
    'public.notes',
  ],
]

const mayWrite = (body: string) =>
  `CREATE OR REPLACE FUNCTION app.may_write(needed text[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
   DECLARE granted text := current_setting('app.permissions', true); BEGIN ${body} END $$`

export const WRITE_FUNCTION: Sabotage[] = [
  ...[
    ['lets everybody', 'RETURN true;'],
    ['answers no, where it must raise', `RETURN granted = '*' OR string_to_array(granted, ',') && needed;`],
    ['answers NULL, where it must raise', 'RETURN NULL;'],
    [
      'lets whoever was given nothing',
      `IF coalesce(granted, '') = '' OR granted = '*' OR needed = '{}' OR string_to_array(granted, ',') && needed
       THEN RETURN true; END IF; RAISE 'no' USING ERRCODE = 'BK004';`,
    ],
    [
      'lets whoever may write anything',
      `IF granted <> '' THEN RETURN true; END IF; RAISE 'no' USING ERRCODE = 'BK004';`,
    ],
    [
      'lets readers write what asks for no name',
      `IF granted = '*' OR needed = '{}' OR string_to_array(granted, ',') && needed
       THEN RETURN true; END IF; RAISE 'no' USING ERRCODE = 'BK004';`,
    ],
    ['lets nobody', `RAISE 'no' USING ERRCODE = 'BK004';`],
    ['raises something else', `RAISE 'no';`],
  ].map(
    ([what, body = '']): Sabotage => [
      `an app.may_write() that ${what}`,
      mayWrite(body),
      'write-function',
      'app.may_write(text[])',
    ],
  ),
  [
    'a second app.may_write',
    `CREATE FUNCTION app.may_write(needed text) RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
    'write-function',
    'app.may_write(text[])',
  ],
  [
    'an app.may_write() that the role may not call',
    'REVOKE ALL ON FUNCTION app.may_write(text[]) FROM bulkhead_runtime',
    'write-function',
    'app.may_write(text[])',
  ],
]
