// Data that contradict the schema: graphql-js answers, with the error in its place, and runs no mutation again.
import { GraphQLError, type GraphQLObjectType } from 'graphql'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Context } from '../../src/graphql/context.ts'
import { type Answer, type Api, startApi } from '../support/api.ts'
import { asSuperuser } from '../support/database.ts'

/** Compiled answers first. */
const apis: Api[] = []
beforeAll(async () => {
  for (const compiles of [true, false]) {
    const api = await startApi({ compiles })
    apis.push(api)
    await asSuperuser(api.database, async (client) => {
      // A sequence counts what is rolled back, too.
      await client.query(`
        CREATE SEQUENCE tries;
        CREATE FUNCTION count_try() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN
          PERFORM nextval('tries');
          IF NEW.reason = 'refused' THEN RAISE EXCEPTION 'a trigger refuses it'; END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER count_tries BEFORE INSERT ON support_grants FOR EACH ROW EXECUTE FUNCTION count_try();`)
    })
    breakField(api, 'SupportGrant', 'status')
    breakField(api, 'SupportAccessGrantPayload', 'userErrors')
  }
})
beforeEach(async () => {
  for (const api of apis)
    await asSuperuser(api.database, async (client) => {
      await client.query(`SELECT setval('tries', 1, false)`)
      await client.query('DELETE FROM support_grants')
    })
})
afterAll(async () => {
  for (const api of apis) await api.close()
})

type Projected = { projection?: { of?: (row: object, context: Context) => unknown } }

/** Makes a field return null, or what its type refuses, where its record or payload has none of its own. */
function breakField(api: Api, type: string, name: string): void {
  const field = (api.schema.getType(type) as GraphQLObjectType).getFields()[name]
  if (field === undefined) throw new Error(`${type} has no ${name}`)
  const { projection } = field.extensions as Projected
  if (projection === undefined) field.resolve = () => null
  else {
    const fail = () => {
      throw new GraphQLError('the value is none of its type')
    }
    field.extensions = { ...field.extensions, projection: { ...projection, of: fail } }
    field.resolve = fail
  }
}

async function triesOf(api: Api): Promise<{ tries: number; grants: number; audited: number }> {
  return await asSuperuser(api.database, async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int FROM tries) AS tries,
        (SELECT count(*)::int FROM support_grants) AS grants,
        (SELECT count(*)::int FROM audit_entries WHERE subject_id IN (SELECT id FROM support_grants)) AS audited`,
    )
    return rows[0]
  })
}

const grant = (alias: string, reason: string, selection: string) =>
  `${alias}: supportAccessGrant(input: { reason: "${reason}", hours: 1 }) { ${selection} }`
const GOOD = 'supportGrant { reason }'

describe.each([
  ['a value that its type refuses', 'supportGrant { reason status }', 'supportGrant.status'],
  ['null in a list that is never null', 'supportGrant { reason } userErrors { message }', 'userErrors'],
])('%s', (_what, bad, place) => {
  const cases: readonly (readonly [string, readonly string[], number])[] = [
    ['alone', [grant('a', 'A', bad)], 1],
    ['first of several', [grant('a', 'A', bad), grant('b', 'B', GOOD), grant('c', 'C', bad)], 3],
    ['last of several', [grant('a', 'A', GOOD), grant('b', 'B', bad)], 2],
    ['after one that failed', [grant('a', 'refused', GOOD), grant('b', 'B', bad), grant('c', 'C', GOOD)], 2],
    ['before one that failed', [grant('a', 'A', bad), grant('b', 'refused', GOOD)], 1],
  ]
  it.each(cases)('%s: each mutation is tried once', async (_where, mutations, done) => {
    const answers: Answer[] = []
    for (const api of apis) {
      answers.push(await api.as('A').send(`mutation { ${mutations.join(' ')} }`))
      expect(await triesOf(api)).toEqual({ tries: mutations.length, grants: done, audited: done })
    }
    const [ours, theirs] = answers as [Answer, Answer]
    expect(ours).toEqual(theirs)
    expect(ours.errors.some(({ path }) => path?.endsWith(place))).toBe(true)
  })
})

it('a query: the error has its place', async () => {
  for (const api of apis) await api.as('A').data(`mutation { ${grant('a', 'A', GOOD)} }`)
  const answers: Answer[] = []
  for (const api of apis)
    answers.push(
      await api
        .as('A')
        .send('{ members { nodes { role } } supportGrants { nodes { reason status } totalCount } }'),
    )
  expect(answers[0]).toEqual(answers[1])
  expect(answers[0]?.errors.map(({ path }) => path)).toEqual(['supportGrants.nodes.0.status'])
})
