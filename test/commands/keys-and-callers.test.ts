// One idempotency key and two callers: a refusal that depends on the caller applies to nobody else, and a key is any
// text.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissionsOf } from '../../src/auth/permissions.ts'
import { type Api, type Session, startApi } from '../support/api.ts'
import { CREATE as CREATE_KEY, makeKey, REVOKE as REVOKE_KEY } from '../support/keys.ts'
import { CHANGE_ROLE, codesOf, INVITE, manage, newEmail, newMember, rowsIn } from '../support/people.ts'
import { unique } from '../support/unique.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api?.close())

const keysKept = async (key: string) =>
  await rowsIn(api, 'A', 'SELECT actor_kind, actor_id, outcome FROM idempotency_keys WHERE key = $1', [key])

describe('a refusal for want of authority', () => {
  it('of an invitation to a too high role leaves the key free for the owner', async () => {
    const idempotencyKey = unique('invite')
    const input = { email: newEmail(), role: 'OWNER', idempotencyKey }
    expect(await codesOf(api.as('A', 'ADMIN'), INVITE, input)).toEqual(['ROLE_TOO_HIGH'])
    expect(await keysKept(idempotencyKey)).toEqual([])
    expect(await codesOf(api.as('A'), INVITE, input)).toEqual([])
  })

  it('ends when the caller gets the authority: the same call then succeeds', async () => {
    const idempotencyKey = unique('later')
    const admin = await newMember(api, 'A', 'ADMIN')
    const input = { email: newEmail(), role: 'OWNER', idempotencyKey }
    expect(await codesOf(admin.session, INVITE, input)).toEqual(['ROLE_TOO_HIGH'])
    const change = { id: admin.id, expectedVersion: 1, role: 'OWNER' }
    expect(await codesOf(api.as('A'), CHANGE_ROLE, change)).toEqual([])
    expect(await codesOf(admin.session, INVITE, input)).toEqual([])
  })

  it.each([['apiKeyCreate', CREATE_KEY, { name: 'x', permissions: ['tenant:manage'] }]])(
    'of %s leaves the key free for the owner',
    async (_name, source, fields) => {
      const input = { ...fields, idempotencyKey: unique('create') }
      expect(await codesOf(api.as('A', 'ADMIN'), source, input)).toEqual(['PERMISSION_NOT_HELD'])
      const { apiKey, secret } = await manage(api.as('A'), source, input)
      expect([typeof apiKey.id, typeof secret]).toEqual(['string', 'string'])
    },
  )

  it('of apiKeyRevoke leaves the key to the owner', async () => {
    const { id } = await makeKey(api.as('A'), ['tenant:manage'])
    const input = { id, idempotencyKey: unique('revoke') }
    expect(await codesOf(api.as('A', 'ADMIN'), REVOKE_KEY, input)).toEqual(['PERMISSION_NOT_HELD'])
    expect((await manage(api.as('A'), REVOKE_KEY, input)).apiKey).toMatchObject({ status: 'REVOKED' })
  })

  it('FORBIDDEN is not stored either', async () => {
    const input = { email: newEmail(), role: 'STAFF', idempotencyKey: unique('forbidden') }
    expect((await api.as('A', 'STAFF').send(INVITE, { input })).errors).toMatchObject([{ code: 'FORBIDDEN' }])
    expect(await codesOf(api.as('A'), INVITE, input)).toEqual([])
  })
})

describe('a success', () => {
  it('is also the answer to the same call by another caller, and happens once; its secret is not shown again', async () => {
    const input = { name: unique('Key'), permissions: ['things:read'], idempotencyKey: unique('once') }
    const first = await manage(api.as('A'), CREATE_KEY, input)
    const again = await manage(api.as('A', 'ADMIN'), CREATE_KEY, input)
    expect(again).toEqual({ ...first, secret: null })
    const answer = await api.as('A').send(CREATE_KEY, { input })
    expect(answer.extensions.idempotency).toBe('replayed')
  })

  it('is stored with its caller', async () => {
    const made = await makeKey(api.as('A'), [...permissionsOf('ADMIN')])
    const idempotencyKey = unique('whose')
    const input = { email: newEmail(), role: 'STAFF', idempotencyKey }
    expect(await codesOf(api.bearing(made.secret) as Session, INVITE, input)).toEqual([])
    expect(await keysKept(idempotencyKey)).toMatchObject([
      { actor_kind: 'API_KEY', outcome: { changed: 'Invitation' } },
    ])
  })
})

describe('a key', () => {
  const CREATE = `mutation ($input: MemberInviteInput!) {
    memberInvite(input: $input) { invitation { id } userErrors { field code } } }`
  const made = async (idempotencyKey: string) =>
    await manage(api.as('A'), CREATE, {
      email: `${unique('k')}@keys.example`,
      role: 'VIEWER',
      idempotencyKey,
    })

  it.each([
    ['a NUL', 'a\0b', 'FORMAT'],
    ['half of a surrogate pair', 'a\ud800b', 'FORMAT'],
    ['the other half', '\udc00', 'FORMAT'],
    ['a line break', 'a\nb', 'FORMAT'],
    ['a control character', 'a\u001fb', 'FORMAT'],
    ['one of the second set', 'a\u0085b', 'FORMAT'],
    ['nothing', '', 'REQUIRED'],
    ['too much', 'x'.repeat(256), 'TOO_LONG'],
  ])('with %s is refused at its field, and nothing is done', async (_what, key, code) => {
    expect(await made(key)).toEqual({
      invitation: null,
      userErrors: [{ field: ['idempotencyKey'], code }],
    })
  })

  it.each(['ключ', '🔑', 'a b', 'x'.repeat(255), '\ufffd'])('like %j is a key', async (key) => {
    expect((await made(key)).userErrors).toEqual([])
  })
})

describe('a text of a query', () => {
  const SEARCH = 'query ($query: String) { auditEntries(query: $query) { totalCount } }'

  it.each(['a\0b', 'a\ud800'])('that cannot be stored is refused: %j', async (query) => {
    const { errors } = await api.as('A').send(SEARCH, { query })
    expect(errors).toMatchObject([
      { code: 'BAD_USER_INPUT', message: 'the variable query holds a character that cannot be stored' },
    ])
  })

  it('nor may the name of a field in a variable', async () => {
    const source = 'query ($filter: AuditEntryFilter) { auditEntries(filter: $filter) { totalCount } }'
    const { errors } = await api.as('A').send(source, { filter: { 'act\0ion': 'x' } })
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })

  it('as a literal is refused as well', async () => {
    const { errors } = await api.as('A').send(String.raw`{ auditEntries(query: "a\u0000b") { totalCount } }`)
    expect(errors).toMatchObject([{ code: 'BAD_USER_INPUT' }])
  })
})
