// GET /audit.jsonl and /audit.csv: content, permission and bounds.
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemContext } from '../../../src/auth/system-context.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { openDatabase } from '../../../src/db/database.ts'
import { exportEntries } from '../../../src/desk/audit/export-entries.ts'
import { nodeId } from '../../../src/graphql/node-ids.ts'
import { type Api, type Data, startApi } from '../../support/api.ts'
import { asOwner, asSuperuser } from '../../support/database.ts'
import { makeKey } from '../../support/keys.ts'
import { invite, newEmail } from '../../support/people.ts'

const FIRST_DAY = '2020-01-01'
const ALL = `from=${FIRST_DAY}&to=2020-12-31`

/** Everything as it is stored. */
const PLAIN = { idOf: (_type: string, id: string) => id, changesOf: () => [] }

let api: Api
beforeAll(async () => {
  api = await startApi()
  await invite(api.as('A'), {
    name: '=SUM(A1)',
    email: 'formula@shop.example',
    role: 'VIEWER',
  })
  // A year ago, 1,200 of them: more than two pages, several at one instant.
  await asOwner(api.database, api.tenantIds.A, (owner) =>
    owner.query(
      `INSERT INTO audit_entries
         (id, actor_kind, actor_label, action, subject_type, subject_id, before, after, request_id, created_at)
       SELECT gen_random_uuid(), 'API_KEY', CASE WHEN n = 1 THEN '=cmd|''/c calc''!A1' ELSE 'till' END, 'thingEdit',
         'Thing', gen_random_uuid(), jsonb_build_object('n', n - 1), jsonb_build_object('n', n), '-request-' || n,
         '2020-06-01'::timestamptz + (n / 7) * interval '1 second'
       FROM generate_series(1, 1200) n`,
    ),
  )
  await invite(api.as('B'), { email: newEmail(), role: 'VIEWER' })
})
afterAll(() => api?.close())

function get(path: string, authorization = api.as('A', 'ADMIN').authorization): Promise<Response> {
  return fetch(`${api.url}${path}`, { headers: { authorization, 'x-request-id': 'an-export' } })
}

async function linesOf(query: string, tenant: 'A' | 'B' = 'A'): Promise<Data[]> {
  const response = await get(`/audit.jsonl?${query}`, api.as(tenant, 'ADMIN').authorization)
  expect(response.status).toBe(200)
  const text = await response.text()
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

describe('GET /audit.jsonl', () => {
  it('streams every entry of the period, oldest first, each once, as one line of JSON', async () => {
    const response = await get(`/audit.jsonl?${ALL}`)
    expect(response.headers.get('content-type')).toBe('application/jsonl; charset=utf-8')
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="audit-anchor.jsonl"')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('transfer-encoding')).toBe('chunked')
    const lines = (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toHaveLength(1_200)
    expect(new Set(lines.map(({ id }) => id)).size).toBe(1_200)
    const times: string[] = lines.map(({ createdAt }) => createdAt)
    expect(times).toEqual(times.toSorted())
    expect(lines.find(({ after }) => after.n === 8)).toMatchObject({
      id: expect.stringMatching(/^aud_/),
      actor: { kind: 'API_KEY', id: null, label: 'till' },
      action: 'thingEdit',
      subject: { type: 'Thing' },
      before: { n: 7 },
      after: { n: 8 },
      requestId: '-request-8',
    })
  })

  it('has ids as the API shows them', async () => {
    const [line] = (await linesOf(`from=${today()}`)).filter(({ action }) => action === 'memberInvite')
    const { auditEntries } = await api
      .as('A')
      .data(
        '{ auditEntries(filter: { action: ["memberInvite"] }) { nodes { id actor { actorId } subject { subjectId } } } }',
      )
    const [entry] = auditEntries.nodes
    expect([line.id, line.actor.id, line.subject.id]).toEqual([
      entry.id,
      entry.actor.actorId,
      entry.subject.subjectId,
    ])
  })

  it('covers a period from an instant, or a day, to before another. Default end: now', async () => {
    const count = async (query: string) => (await linesOf(query)).length
    expect(await count('from=2020-06-01T00:00:00Z&to=2020-06-01T00:00:01Z')).toBe(6)
    expect(await count('from=2020-06-01&to=2020-06-02')).toBe(1_200)
    expect(await count('from=2020-06-01T02:00:00%2B02:00&to=2020-06-01T00:00:01Z')).toBe(6)
    expect(await count('from=2020-06-02&to=2020-06-03')).toBe(0)
    expect((await linesOf(`from=${today()}`)).map(({ action }) => action)).toContain('memberInvite')
  })

  it('cross-tenant: has the caller’s own entries only', async () => {
    expect(await linesOf(ALL, 'B')).toEqual([])
    const lines = await linesOf(`from=${today()}`, 'B')
    const actions: string[] = lines.map(({ action }) => action)
    expect(actions.toSorted()).toEqual(['memberInvite', 'tenantCreate'])
    expect(JSON.stringify(lines)).not.toContain('formula@shop.example')
  })
})

it('is given to a key with audit:read, and to no other', async () => {
  const reader = await makeKey(api.as('A'), ['audit:read'])
  expect((await get(`/audit.csv?${ALL}`, `Bearer ${reader.secret}`)).status).toBe(200)
  const other = await makeKey(api.as('A'), ['things:read'])
  expect((await get(`/audit.csv?${ALL}`, `Bearer ${other.secret}`)).status).toBe(403)
})

describe('case 21: an export', () => {
  it.each(['A', 'B'] as const)('of tenant %s has all entries of the tables', async (tenant) => {
    const oracle = await asSuperuser(api.database, (client) =>
      client.query<{ id: string; action: string }>(
        'SELECT id, action FROM audit_entries WHERE tenant_id = $1 AND created_at >= $2 ORDER BY created_at, id',
        [api.tenantIds[tenant], '2020-01-01'],
      ),
    )
    const periods = [ALL, `from=${today()}`]
    const lines = (await Promise.all(periods.map((period) => linesOf(period, tenant)))).flat()
    expect(lines.map(({ id, action }) => ({ id, action }))).toEqual(
      oracle.rows.map(({ id, action }) => ({ id: nodeId('AuditEntry', id), action })),
    )
  })
})

describe('GET /audit.csv', () => {
  it('has a header, a row for each entry, and no cell that a spreadsheet computes', async () => {
    const response = await get(`/audit.csv?${ALL}`)
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    const rows = (await response.text()).trimEnd().split('\r\n')
    expect(rows[0]).toBe(
      'id,createdAt,recordedAt,actorKind,actorId,actorLabel,action,subjectType,subjectId,before,after,requestId',
    )
    expect(rows).toHaveLength(1_201)
    const text = rows.join('\n')
    expect(text).toContain(`,API_KEY,,'=cmd|'/c calc'!A1,thingEdit,Thing,`)
    expect(text).toContain(`,"{""n"":0}","{""n"":1}",'-request-1`)
    expect(text).not.toMatch(/(^|,)"?[=+\-@]/m)
  })

  it('of a period without entries is its header', async () => {
    const response = await get('/audit.csv?from=2020-02-01&to=2020-02-02')
    expect((await response.text()).split('\r\n')).toEqual([expect.stringMatching(/^id,createdAt/), ''])
  })
})

describe('is refused', () => {
  it.each([
    ['', '"from" is needed'],
    ['?from=yesterday', '"from" must be an instant'],
    ['?from=2020-02-30', '"from" must be an instant'],
    ['?from=2020-01-01&from=2020-01-02', '"from" must be an instant'],
    ['?from=2020-01-01&to=soon', '"to" must be an instant'],
    ['?from=2020-01-02&to=2020-01-01', '"from" must be before "to"'],
    ['?from=2020-01-01&to=2020-01-01', '"from" must be before "to"'],
    ['?from=2020-01-01&to=2021-01-02', 'at most 366 days'],
  ])('for the period %j', async (query, message) => {
    const response = await get(`/audit.jsonl${query}`)
    expect(response.status).toBe(400)
    const { errors } = (await response.json()) as Data
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', requestId: 'an-export' } }])
    expect(errors[0].message).toContain(message)
  })

  it.each(['STAFF', 'VIEWER'] as const)('to %s, who has no audit:read', async (role) => {
    const response = await get(`/audit.csv?${ALL}`, api.as('A', role).authorization)
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN', permission: 'audit:read' } }],
    })
  })

  it('without a credential', async () => {
    for (const authorization of ['', 'Bearer nonsense']) {
      const response = await get(`/audit.jsonl?${ALL}`, authorization)
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="bulkhead"')
    }
  })

  it('case 32: to a removed member with a valid token', async () => {
    const admin = api.as('B', 'ADMIN').authorization
    const setStatus = async (status: string) => {
      await asOwner(api.database, api.tenantIds.B, (owner) =>
        owner.query(`UPDATE members SET status = $1::member_status WHERE role = 'ADMIN'`, [status]),
      )
      api.services.sessions.forget(api.tenantIds.B)
    }
    expect((await get(`/audit.csv?${ALL}`, admin)).status).toBe(200)
    await setStatus('REMOVED')
    expect((await get(`/audit.csv?${ALL}`, admin)).status).toBe(403)
    await setStatus('ACTIVE')
  })

  it('by other methods', async () => {
    const response = await fetch(`${api.url}/audit.jsonl?${ALL}`, {
      method: 'POST',
      headers: { authorization: api.as('A').authorization },
    })
    expect(response.status).toBe(404)
  })
})

describe('an export', () => {
  const LARGE = 'from=2019-01-01&to=2019-12-31'

  /** More than the sockets on both sides buffer: 24 MB. */
  beforeAll(async () => {
    await asOwner(api.database, api.tenantIds.A, (owner) =>
      owner.query(
        `INSERT INTO audit_entries (id, actor_kind, action, subject_type, subject_id, after, request_id, created_at)
         SELECT gen_random_uuid(), 'SYSTEM', 'thingEdit', 'Thing', gen_random_uuid(),
           jsonb_build_object('text', repeat('x', 4000)), '', '2019-06-01'::timestamptz + n * interval '1 second'
         FROM generate_series(1, 6000) n`,
      ),
    )
  })

  it('has at most two turns per tenant, and returns them when its reader leaves', async () => {
    const readers = [await slowReader(), await slowReader()]
    const refused = await get(`/audit.jsonl?${ALL}`)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('5')
    const others = await get(`/audit.jsonl?${ALL}`, api.as('B', 'ADMIN').authorization)
    expect(others.status).toBe(200)
    await others.text()
    for (const reader of readers) reader.destroy()
    await expect.poll(async () => (await get('/audit.jsonl?from=2020-02-01&to=2020-02-02')).status).toBe(200)
  })

  it('reads in pages, and breaks off where one fails', async () => {
    const caller = systemContext({
      tenant: { tenantId: api.tenantIds.A, tenantSlug: 'anchor', tenantStatus: 'ACTIVE' },
      database: api.opened,
      clock: systemClock,
      logger: createLogger('silent'),
      requestId: 'test',
    })
    const period = { from: new Date(FIRST_DAY), to: new Date('2020-12-31') }
    const pages = exportEntries(caller, { format: 'jsonl', period, shown: PLAIN, pageSize: 100 })
    const sizes: number[] = []
    for await (const page of pages) sizes.push(page.split('\n').length - 1)
    expect(sizes).toEqual(Array(12).fill(100))
    const own = openDatabase({
      url: api.database.runtimeUrl,
      poolMax: 1,
      namedStatements: true,
      logger: createLogger('silent'),
    })
    const failing = { ...caller, database: own }
    const broken = exportEntries(failing, { format: 'jsonl', period, shown: PLAIN, pageSize: 100 })
    try {
      for (let page = 1; page <= 2; page += 1) expect((await broken.next()).done).toBe(false)
    } finally {
      await own.close()
    }
    await expect(broken.next()).rejects.toThrow('after calling end on the pool')
  })

  /** A client that asks for much, and then reads nothing. */
  async function slowReader() {
    const { hostname, port } = new URL(api.url)
    const socket = connect(Number(port), hostname)
    socket.write(
      `GET /audit.jsonl?${LARGE} HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: ${api.as('A').authorization}\r\n\r\n`,
    )
    await new Promise<void>((resolve) => {
      socket.once('readable', resolve)
    })
    return socket
  }
})

const today = () => new Date().toISOString().slice(0, 10)
