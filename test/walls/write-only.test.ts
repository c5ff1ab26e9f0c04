// Permission to write does not imply reading: each mutation × a key with only its permission. The key sees the record
// that it made or changed, and nothing else that is stored: not by a conflict, a refusal, or a repeated call.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GrantablePermission, permissionsOf, ROLES } from '../../src/auth/permissions.ts'
import { buildSchema } from '../../src/schema.ts'
import { type Api, type Data, startApi } from '../support/api.ts'
import { makeKey } from '../support/keys.ts'
import { documentOf, type Given, slotsOf, withValue } from '../support/operations.ts'
import { ACCEPT, codesOf, newEmail, sendMail, tokenFor } from '../support/people.ts'
import { succeedingArguments } from '../support/recipes.ts'
import { UNREAD_MIN } from '../support/samples.ts'
import { unique } from '../support/unique.ts'
import { type Bearer, keyWith } from './bearers.ts'
import {
  deletes,
  mutationsOf,
  type Operation,
  ownSelection,
  readsRecord,
  recordIn,
  recordOf,
  recordWith,
} from './needs.ts'

const schema = buildSchema()
const all = mutationsOf(schema).filter(({ needed }) => needed.length === 1)
/** Mutations whose permission also allows reading. */
const writesUnread = all.filter(({ place, needed }) => {
  const reads = readsRecord(schema, place)
  return reads !== null && !needed.includes(reads)
})
const named = (operations: readonly Operation[]) =>
  operations.map((operation) => [operation.place.name, operation] as const)

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

/** A key with the mutation's permission, and `more`. */
const writer = ({ needed }: Operation, ...more: GrantablePermission[]) =>
  keyWith(api, 'A', [...(needed as GrantablePermission[]), ...more])

/** Valid arguments, new for each call. */
async function argumentsOf(operation: Operation): Promise<Given> {
  const given = await succeedingArguments(api, operation.place, 'A')
  return withNamed(operation, given, 'webhookSecret', `whsec_${unique('nobody-is-told')}`)
}

const slotOf = ({ place }: Operation, name: string) => slotsOf(place.field).find((slot) => slot.name === name)
const withNamed = (operation: Operation, given: Given, name: string, value: unknown): Given => {
  const slot = slotOf(operation, name)
  return slot === undefined ? given : withValue(given, slot, value)
}

/** The payload: the record with its own fields, and the errors. */
async function call({ send }: Bearer, { place }: Operation, given: Given): Promise<Data> {
  const deleted = deletes(place) ? 'deletedId' : ''
  const selection = `{ ${recordWith(schema, place, ownSelection(schema, place))} ${deleted} userErrors { field message code } }`
  const { data, errors } = await send(documentOf(place, given, selection), given)
  expect(errors, place.name).toEqual([])
  const { rows: _, ...payload } = data.answer
  return { ...payload, record: recordOf(data.answer) }
}

/** A key with one permission may not give some roles: refused by its authority, without a record. */
const AUTHORITY = ['ROLE_TOO_HIGH', 'PERMISSION_NOT_HELD']

describe('what is done', () => {
  it.each(named(all))(
    '%s shows its own record to a key that may do nothing else',
    async (_name, operation) => {
      const key = await writer(operation)
      const given = await argumentsOf(operation)
      const { record, userErrors, deletedId } = await call(key, operation, given)
      if (AUTHORITY.includes(userErrors[0]?.code)) {
        expect(record).toBeNull()
        return
      }
      expect(userErrors).toEqual([])
      if (deletes(operation.place)) {
        expect([record, deletedId]).toEqual([null, expect.any(String)])
        return
      }
      // exportCreate returns the running export, which this call did not make; its permission allows reading it.
      expect(record).not.toBeNull()
    },
  )

  it.each(named(writesUnread))(
    '%s, repeated, shows the record to who made the call, until somebody else changes it, and to no other key',
    async (_name, operation) => {
      const key = await writer(operation)
      const given = withNamed(operation, await argumentsOf(operation), 'idempotencyKey', unique('once'))
      const first = await call(key, operation, given)
      if (AUTHORITY.includes(first.userErrors[0]?.code)) return
      expect((await call(key, operation, given)).record).toEqual(first.record)
      const other = api.bearing((await makeOther(operation)).secret)
      const others = await call({ ...other, who: 'another key', permissions: new Set() }, operation, given)
      expect(others.record, 'to another key').toBeNull()
      const reads = readsRecord(schema, operation.place) as GrantablePermission
      const reader = await call(await writer(operation, reads), operation, given)
      expect(reader.record, 'to who may read').toEqual(first.record)
    },
  )
})

async function makeOther({ needed }: Operation): Promise<{ secret: string }> {
  return await makeKey(api.as('A'), needed)
}

describe('a conflict', () => {
  const versioned = all.filter((operation) => slotOf(operation, 'expectedVersion') !== undefined)

  it.each(named(versioned))(
    '%s tells nothing of the record to who may not read it',
    async (_name, operation) => {
      const reads = readsRecord(schema, operation.place) as GrantablePermission | null
      if (reads === null || operation.needed.includes(reads)) return
      const given = withNamed(operation, await argumentsOf(operation), 'expectedVersion', 99)
      const wanting = withEveryText(operation, given)
      const blind = await call(await writer(operation), operation, wanting)
      if (AUTHORITY.includes(blind.userErrors[0]?.code)) return
      expect(blind).toEqual({
        record: null,
        ...(deletes(operation.place) && { deletedId: null }),
        userErrors: [
          {
            field: slotOf(operation, 'expectedVersion')?.path.split('.').slice(1),
            code: 'CONFLICT',
            message: 'it was changed meanwhile, or never had this version',
          },
        ],
      })
      const seeing = await call(await writer(operation, reads), operation, wanting)
      expect(seeing.record).not.toBeNull()
      expect(seeing.userErrors[0].message).toMatch(/this is version \d+, not 99/)
    },
  )

  /** Sends another value for every text, so that all differ. */
  function withEveryText(operation: Operation, given: Given): Given {
    let asked = given
    for (const slot of slotsOf(operation.place.field))
      if (['title', 'name', 'email', 'sku', 'handle', 'vendor', 'phone'].includes(slot.name))
        asked = withValue(asked, slot, slot.name === 'email' ? 'other@else.example' : 'other-value')
    return asked
  }
})

it('an invitation shows nothing of it after it was accepted', async () => {
  const { send } = await keyWith(api, 'A', [
    ...permissionsOf('STAFF'),
    'members:manage',
  ] as GrantablePermission[])
  const source = `mutation ($input: MemberInviteInput!) {
    memberInvite(input: $input) { invitation { id status } userErrors { code } } }`
  const email = newEmail()
  const input = { email, role: 'STAFF', idempotencyKey: unique('k') }
  const mine = (await send(source, { input })).data.memberInvite
  expect(mine).toMatchObject({ invitation: { status: 'PENDING' }, userErrors: [] })
  await sendMail(api, 'A', mine.invitation.id)
  expect((await send(source, { input })).data.memberInvite).toEqual(mine)
  const token = await tokenFor(api, email)
  expect(await codesOf(api.asPerson('A', email), ACCEPT, { token })).toEqual([])
  expect((await send(source, { input })).data.memberInvite).toEqual({ invitation: null, userErrors: [] })
})

it('every role may read what it may write: only a key can write without reading', () => {
  for (const { place, needed } of writesUnread) {
    const reads = readsRecord(schema, place) as GrantablePermission
    for (const role of ROLES)
      if (needed.every((one) => permissionsOf(role).has(one)))
        expect(permissionsOf(role).has(reads), `${role}: ${place.name}`).toBe(true)
  }
})

it('the rule is declared once: every record of a payload is shown by it', () => {
  for (const { place } of mutationsOf(schema)) {
    expect(recordIn(schema, place).extensions.showsOwnRecord, place.name).toBe(true)
  }
  expect(writesUnread.length).toBeGreaterThanOrEqual(UNREAD_MIN)
})
