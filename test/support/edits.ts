// Tests that apply to the edit of every versioned record. Each domain passes its own mutation.
import { describe, expect, it } from 'vitest'
import { encodeId, newId } from '../../src/core/ids.ts'
import type { Answer, Api, Data } from './api.ts'
import { asSuperuser } from './database.ts'

export interface Edit {
  api: () => Api
  mutation: string
  /** The payload's record, with the field that the edits below change. */
  record: string
  prefix: string
  make: (api: Api, tenant: 'A' | 'B') => Promise<string>
  /** The input that sets the record's text to this. */
  input: (text: string) => Record<string, unknown>
  /** The text in the record. */
  textOf: (record: Data) => string
  selection: string
  permission: string
}

/** Tests of NOT_FOUND, CONFLICT, racing edits, roles and idempotency. */
export function itEditsVersionedRecords(edit: Edit): void {
  const { mutation, record, prefix, input, textOf, permission } = edit
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`
  const source = `mutation ($input: ${type}!) {
    ${mutation}(input: $input) { ${record} { id version ${edit.selection} } userErrors { field message code params } }
  }`
  const send = (
    given: Record<string, unknown>,
    tenant: 'A' | 'B' = 'A',
    role?: 'STAFF' | 'VIEWER',
  ): Promise<Answer> => edit.api().as(tenant, role).send(source, { input: given })
  const payloadOf = ({ data, errors }: Answer): Data => {
    expect(errors).toEqual([])
    return data[mutation]
  }

  describe(`${mutation} of a versioned record`, () => {
    it('changes what was given, counts the version up, and leaves an audit entry of what changed', async () => {
      const id = await edit.make(edit.api(), 'A')
      const payload = payloadOf(await send({ id, expectedVersion: 1, ...input('First') }))
      expect(payload.userErrors).toEqual([])
      expect(payload[record]).toMatchObject({ id, version: 2 })
      expect(textOf(payload[record])).toBe('First')
      const { rows } = await asSuperuser(edit.api().database, (client) =>
        client.query(
          'SELECT before, after, actor_kind FROM audit_entries WHERE action = $1 ORDER BY id DESC LIMIT 1',
          [mutation],
        ),
      )
      expect(rows).toMatchObject([{ actor_kind: 'MEMBER', after: expect.anything() }])
      expect(JSON.stringify(rows[0].after)).toContain('First')
      expect(Object.keys(rows[0].before)).toEqual(Object.keys(rows[0].after))
    })

    it('CONFLICT shows the record as it is and the fields that differ, and changes nothing', async () => {
      const id = await edit.make(edit.api(), 'A')
      await send({ id, expectedVersion: 1, ...input('Theirs') })
      const payload = payloadOf(await send({ id, expectedVersion: 1, ...input('Mine') }))
      expect(payload[record]).toMatchObject({ id, version: 2 })
      expect(textOf(payload[record])).toBe('Theirs')
      expect(payload.userErrors).toEqual([
        {
          code: 'CONFLICT',
          field: ['expectedVersion'],
          message: 'it was changed meanwhile: this is version 2, not 1',
          params: { version: 2 },
        },
        {
          code: 'CONFLICT',
          field: pathOf(input('Mine')),
          message: 'it is now "Theirs"',
          params: { current: 'Theirs' },
        },
      ])
      // A field that already has the wanted value is no difference.
      const same = payloadOf(await send({ id, expectedVersion: 9, ...input('Theirs') }))
      expect(same.userErrors).toHaveLength(1)
    })

    it('of the values that it has changes nothing: no version, no audit entry, no event', async () => {
      const id = await edit.make(edit.api(), 'A')
      const first = payloadOf(await send({ id, expectedVersion: 1, ...input('Same') }))
      const traces = () =>
        asSuperuser(edit.api().database, (client) =>
          client.query(`SELECT (SELECT count(*) FROM audit_entries), (SELECT count(*) FROM outbox_events)`),
        )
      const { rows } = await traces()
      const given = { id, expectedVersion: 2, idempotencyKey: newId(), ...input('Same') }
      for (const kind of ['executed', 'replayed']) {
        const again = await send(given)
        expect(again.extensions).toMatchObject({ idempotency: kind })
        expect(payloadOf(again)).toEqual(first)
      }
      expect((await traces()).rows).toEqual(rows)
    })

    it('of ten edits of one version at once, exactly one wins', async () => {
      const id = await edit.make(edit.api(), 'A')
      const texts = Array.from({ length: 10 }, (_, n) => `Edit ${n}`)
      const payloads = await Promise.all(
        texts.map(async (text) => payloadOf(await send({ id, expectedVersion: 1, ...input(text) }))),
      )
      const won = payloads.filter(({ userErrors }) => userErrors.length === 0)
      expect(won).toHaveLength(1)
      for (const { userErrors, [record]: shown } of payloads) {
        expect(shown.version).toBe(2)
        expect(textOf(shown)).toBe(textOf(won[0][record]))
        for (const { code } of userErrors) expect(code).toBe('CONFLICT')
      }
    })

    it('cross-tenant: another tenant’s is NOT_FOUND, as an absent and a malformed one', async () => {
      const foreign = await edit.make(edit.api(), 'A')
      const answers = []
      for (const id of [foreign, encodeId(prefix, newId()), `${prefix}_x`, ''])
        answers.push(await send({ id, expectedVersion: 1, ...input('Stolen') }, 'B'))
      expect(payloadOf(answers[0] as Answer)).toEqual({
        [record]: null,
        userErrors: [
          { code: 'NOT_FOUND', field: ['id'], message: `there is no such ${record}`, params: null },
        ],
      })
      for (const answer of answers) expect(answer).toEqual(answers[0])
      const own = payloadOf(await send({ id: foreign, expectedVersion: 1, ...input('Mine') }))
      expect(own.userErrors).toEqual([])
    })

    it('STAFF may, VIEWER may not: FORBIDDEN names the permission', async () => {
      const id = await edit.make(edit.api(), 'A')
      const { errors } = await send({ id, expectedVersion: 1, ...input('No') }, 'A', 'VIEWER')
      expect(errors).toMatchObject([{ code: 'FORBIDDEN', extensions: { permission } }])
      expect(
        payloadOf(await send({ id, expectedVersion: 1, ...input('Yes') }, 'A', 'STAFF')).userErrors,
      ).toEqual([])
    })

    it('a key is optional, and with it a repetition answers the stored outcome rather than CONFLICT', async () => {
      const id = await edit.make(edit.api(), 'A')
      const given = { id, expectedVersion: 1, idempotencyKey: newId(), ...input('Once') }
      const first = await send(given)
      expect(payloadOf(first).userErrors).toEqual([])
      expect(await send(given)).toEqual({ ...first, extensions: { idempotency: 'replayed' } })
      const [error] = payloadOf(await send({ ...given, ...input('Twice') })).userErrors
      expect(error).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED', field: ['idempotencyKey'] })
    })
  })
}

/** The path of the only text in an input. */
function pathOf(input: Record<string, unknown>): string[] {
  const [[name, value] = ['', '']] = Object.entries(input)
  return typeof value === 'object' && value !== null
    ? [name, ...pathOf(value as Record<string, unknown>)]
    : [name]
}
