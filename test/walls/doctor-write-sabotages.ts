// Ways to damage app.may_write, which the policies on writing call, each with the doctor's expected finding.
import type { Sabotage } from './doctor-sabotages.ts'

const mayWrite = (body: string) =>
  `CREATE OR REPLACE FUNCTION app.may_write(needed text[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
   DECLARE granted text := current_setting('app.permissions', true); BEGIN ${body} END $$`

export const WRITE_FUNCTION: Sabotage[] = [
  ...[
    ['lets everybody', 'RETURN true;'],
    ['answers no, where it must raise', `RETURN granted = '*' OR string_to_array(granted, ',') && needed;`],
    ['answers NULL, where it must raise', 'RETURN NULL;'],
    [
      'lets a caller without permissions write',
      `IF coalesce(granted, '') = '' OR granted = '*' OR needed = '{}' OR string_to_array(granted, ',') && needed
       THEN RETURN true; END IF; RAISE 'no' USING ERRCODE = 'BK004';`,
    ],
    [
      'lets a caller with any permission write',
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
