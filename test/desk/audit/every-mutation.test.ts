// Every mutation of the schema: a transaction that changed a row has an audit entry, one that failed leaves neither, and one
// that is sent again with its key is not done again. New mutations are covered; their arguments come from recipes.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildSchema } from '../../../src/schema.ts'
import { type Answer, type Api, startApi } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
import { documentOf, type Given, type Place, placesOf, selectionOf } from '../../support/operations.ts'
import { askerOf, succeedingArguments } from '../../support/recipes.ts'

const mutations = placesOf(buildSchema()).filter(({ operation }) => operation === 'mutation')
const SELECTION_DEPTH = 1

/** The audit itself, and records about the work. */
const BESIDE_THE_WORK = new Set(['audit_entries', 'audit_seals', 'idempotency_keys', 'outbox_events'])
/** A provider's event is stored as received, before it is parsed; its effects are audited. */
const AS_RECEIVED = new Set(['provider_events'])

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

type Entry = {
  id: string
  transaction: string
  action: string
  kind: string
  actor: string | null
  label: string
  subject: string
  request: string
}

/** Each row of tenant A with the transaction that wrote it, and the audit entries. */
type State = { rows: Map<string, string>; entries: Entry[] }

async function stateOf(): Promise<State> {
  return await asSuperuser(api.database, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1`,
    )
    const rows = new Map<string, string>()
    for (const { name } of tables) {
      if (BESIDE_THE_WORK.has(name) || AS_RECEIVED.has(name)) continue
      const found = await client.query<{ place: string; transaction: string; row: string }>(
        `SELECT ctid::text AS place, xmin::text AS transaction, to_jsonb(t)::text AS row FROM ${name} t
         WHERE tenant_id = $1`,
        [api.tenantIds.A],
      )
      for (const { place, transaction, row } of found.rows) rows.set(`${name} ${place} ${row}`, transaction)
    }
    const { rows: entries } = await client.query<Entry>(
      `SELECT id, xmin::text AS transaction, action, actor_kind::text AS kind, actor_id AS actor, actor_label AS label,
         subject_type || ' ' || subject_id AS subject, request_id AS request
       FROM audit_entries WHERE tenant_id = $1 ORDER BY recorded_at`,
      [api.tenantIds.A],
    )
    return { rows, entries }
  })
}

/** Rows written since, each with its transaction. */
function written(before: State, after: State): [row: string, transaction: string][] {
  return [...after.rows].filter(([row, transaction]) => before.rows.get(row) !== transaction)
}

function added(before: State, after: State): Entry[] {
  const known = new Set(before.entries.map(({ id }) => id))
  return after.entries.filter(({ id }) => !known.has(id))
}

async function call(place: Place, given: Given, asker = askerOf(api, place, 'A')): Promise<Answer> {
  const source = documentOf(place, given, selectionOf(api.schema, place.field.type, SELECTION_DEPTH))
  return await asker.send(source, given)
}

/** A mutation without a permission is for invited people, and does nothing for a member. */
const isForTheInvited = ({ field }: Place) => field.extensions.permission == null

const each = mutations.map((place) => [place.field.name, place] as const)

it('there are mutations to try', () => {
  expect(mutations.length).toBeGreaterThan(10)
})

describe('a mutation that succeeds writes its entry in the transaction of its change', () => {
  it.each(each)('%s', async (name, place) => {
    const given = await succeedingArguments(api, place, 'A')
    const before = await stateOf()
    const { data, errors } = await call(place, given)
    expect([errors, data?.answer?.userErrors]).toEqual([[], []])
    const after = await stateOf()
    const changed = written(before, after)
    expect(changed, 'rows that it changed').not.toEqual([])
    const entries = added(before, after)
    const audited = new Set(entries.map(({ transaction }) => transaction))
    expect(
      changed.filter(([, transaction]) => !audited.has(transaction)),
      'rows that were changed with no entry',
    ).toEqual([])
    const own = entries.filter(({ action }) => action === name)
    expect(own, 'entries of its own name').not.toEqual([])
    for (const { kind, label, request } of own) {
      if (isForTheInvited(place)) expect([kind, label]).toEqual(['INVITED', expect.stringContaining('@')])
      else expect([kind, label]).toEqual(['MEMBER', 'owner@anchor.example'])
      expect(request).not.toBe('')
    }
  })
})

describe('a mutation that fails leaves neither a change nor an entry', () => {
  it.each(each)('%s, without the permission', async (_name, place) => {
    const given = await succeedingArguments(api, place, 'A')
    const before = await stateOf()
    const { data, errors } = await call(place, given, api.as('A', 'VIEWER'))
    if (isForTheInvited(place)) expect(data.answer.userErrors).not.toEqual([])
    else expect(errors.map(({ code }) => code)).toEqual(['FORBIDDEN'])
    expect(await stateOf()).toEqual(before)
  })

  it.each(each)('%s, when its entry cannot be committed', async (_name, place) => {
    const given = await succeedingArguments(api, place, 'A')
    const before = await stateOf()
    await refuseEntries()
    const answer = await call(place, given).finally(allowEntries)
    expect(answer.errors.map(({ code }) => code)).toEqual(['INTERNAL'])
    expect(await stateOf()).toEqual(before)
  })
})

describe('a mutation that is sent again with its key is not done again', () => {
  it.each(each)('%s', async (name, place) => {
    const { input, ...others } = await succeedingArguments(api, place, 'A')
    const given = { ...others, input: { ...(input as Given), idempotencyKey: `again ${name}` } }
    const first = await call(place, given)
    expect([first.errors, first.extensions]).toEqual([[], { idempotency: 'executed' }])
    const before = await stateOf()
    const second = await call(place, given)
    expect([second.errors, second.extensions]).toEqual([[], { idempotency: 'replayed' }])
    expect(second.data.answer.userErrors).toEqual(first.data.answer.userErrors)
    expect(await stateOf()).toEqual(before)
  })
})

/** At COMMIT: by then everything is written, and must be rolled back. */
async function refuseEntries(): Promise<void> {
  await asSuperuser(api.database, async (client) => {
    await client.query(`
      CREATE FUNCTION refuse_entry() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no entry is taken'; END $$;
      CREATE CONSTRAINT TRIGGER refuse_entry AFTER INSERT ON audit_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_entry()`)
  })
}

async function allowEntries(): Promise<void> {
  await asSuperuser(api.database, (client) =>
    client.query('DROP TRIGGER refuse_entry ON audit_entries; DROP FUNCTION refuse_entry()'),
  )
}
