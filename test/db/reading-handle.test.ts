// A handle reads without Prisma's, and has Prisma's operations all the same.
import { describe, expect, it } from 'vitest'
import { SCHEMA } from '../../src/db/datamodel.ts'
import { datamodelOf } from '../../src/db/models.ts'
import { WHOLE_VIEW } from '../../src/db/reader/view.ts'
import { readingHandles } from '../../src/db/reading-handle.ts'
import type { Scope } from '../../src/db/scope.ts'
import type { Handle } from '../../src/db/tenant-client.ts'

type Delegate = Readonly<Record<string, (query?: object) => Promise<unknown>>>
type Opened = Readonly<Record<string, Delegate>> & { $queryRaw(): unknown; $transaction?: unknown }

/** A handle that is answered no rows and then a count of 7; how often Prisma's was made, and what was sent. */
function open(scope: Scope) {
  const sent: { scope: Scope; values: readonly unknown[] }[] = []
  let made = 0
  const whole = {
    member: {
      kind: 'members of Prisma’s',
      async findMany() {
        return [this.kind]
      },
    },
    name: 'Prisma’s',
    $queryRaw() {
      return this.name
    },
  }
  const handles = readingHandles(datamodelOf(SCHEMA), async (of, { values }) => {
    sent.push({ scope: of, values })
    return sent.length === 1 ? '{}' : '7'
  })
  const handle = handles(scope, WHOLE_VIEW, () => {
    made += 1
    return whole as unknown as Handle
  }) as unknown as Opened
  return { handle, sent, made: () => made }
}

const A = { tenantId: 'aaaaaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa', caller: 'MEMBER 1' }
const B = { tenantId: 'bbbbbbbb-bbbb-7bbb-8bbb-bbbbbbbbbbbb' }

describe('a handle', () => {
  it('reads and counts in its own scope, and makes none of Prisma’s', async () => {
    const one = open(A)
    const two = open(B)
    for (const { handle } of [one, two]) {
      expect(await handle.member?.readMany?.({ select: { id: true } })).toEqual([])
      expect(await handle.exportChunk?.readCount?.()).toBe(7)
    }
    expect(one.sent.map(({ scope }) => scope)).toEqual([A, A])
    expect(two.sent.map(({ scope }) => scope)).toEqual([B, B])
    for (const { values } of one.sent) expect(JSON.stringify(values)).not.toContain(B.tenantId)
    expect([one.made(), two.made()]).toEqual([0, 0])
  })

  it('rejects a query that cannot be compiled, and does not throw', async () => {
    const { handle, sent } = open(A)
    const answer = handle.member?.readMany?.({ where: { noSuchField: 1 } })
    await expect(answer).rejects.toThrow('noSuchField')
    expect(sent).toEqual([])
  })

  it('has Prisma’s other operations, which see Prisma’s handle as theirs', async () => {
    const { handle, made } = open(A)
    expect(await handle.member?.findMany?.()).toEqual(['members of Prisma’s'])
    expect(handle.$queryRaw()).toBe('Prisma’s')
    expect('$queryRaw' in handle).toBe(true)
    expect('findMany' in (handle.member ?? {})).toBe(true)
    expect(made()).toBeGreaterThan(0)
  })

  it('has nothing else: no transaction, no member of an object of ours', () => {
    const { handle } = open(A)
    expect(handle.$transaction).toBeUndefined()
    expect(handle.noSuchModel).toBeUndefined()
    expect(handle.member).toBe(handle.member)
  })
})
