// `node bench/compression.ts`: an answer with and without compression, in turns, through Fastify on one connection. Prints
// sizes, and the ratio of time and CPU per request. Needs no database.
import { fastify } from 'fastify'
import { createCompressor } from '../src/edge/compression.ts'
import { Connection } from './http.ts'
import { median } from './median.ts'

const SIZES_KIB = [1, 8, 56]
const ROUNDS = 15
const REQUESTS = 200
const ENCODINGS = ['br', 'gzip'] as const

type Measured = { readonly bytes: number; readonly micros: number; readonly cpuMicros: number }

/** Rows as the API lists them: ids, times, amounts and names. */
function answerOf(bytes: number): string {
  const nodes: unknown[] = []
  let length = 0
  for (let n = 0; length < bytes - 400; n += 1) {
    const node = {
      id: `ord_${crypto.randomUUID().replaceAll('-', '').slice(0, 26)}`,
      number: 1_000 + n,
      status: ['OPEN', 'PAID', 'CANCELLED'][n % 3],
      placedAt: new Date(1.7e12 + Math.random() * 1e10).toISOString(),
      total: { amount: (Math.random() * 1_000).toFixed(2), currency: 'USD' },
      customer: { id: `cus_${crypto.randomUUID().slice(0, 26)}`, name: crypto.randomUUID().slice(0, 13) },
    }
    nodes.push(node)
    length += JSON.stringify(node).length + 1
  }
  return JSON.stringify({ data: { orders: { nodes } }, extensions: { cost: { requested: 95, actual: 95 } } })
}

const answers = new Map(SIZES_KIB.map((size) => [String(size), answerOf(size * 1_024)]))
const compressor = createCompressor()
const app = fastify()
app.post('/:size', async (request, reply) => {
  const { size } = request.params as { size: string }
  const text = answers.get(size) ?? ''
  const packed = compressor.compress(text, request.headers['accept-encoding'], reply)
  return reply.type('application/json').send(packed === null ? text : await packed)
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const connection = await Connection.open(Number(new URL(url).port))

async function measure(size: number, encoding: string): Promise<Measured> {
  const request = `POST /${size} HTTP/1.1\r\nhost: a\r\naccept-encoding: ${encoding}\r\ncontent-length: 0\r\n\r\n`
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  let bytes = 0
  for (let n = 0; n < REQUESTS; n += 1) bytes = (await connection.send(request)).body.length
  const { user, system } = process.cpuUsage(cpu)
  const micros = ((performance.now() - startedAt) * 1_000) / REQUESTS
  return { bytes, micros, cpuMicros: (user + system) / REQUESTS }
}

const lines = [
  '| answer | sent | time, µs more | CPU, µs more | time ÷ without | CPU ÷ without |',
  '|---|---|---|---|---|---|',
]
for (const size of SIZES_KIB) {
  for (const encoding of ENCODINGS) {
    const rounds: { plain: Measured; packed: Measured }[] = []
    for (let round = -1; round < ROUNDS; round += 1) {
      const pair = { plain: await measure(size, 'identity'), packed: await measure(size, encoding) }
      // The first warms up.
      if (round >= 0) rounds.push(pair)
    }
    const of = (value: (pair: (typeof rounds)[number]) => number) => median(rounds.map(value))
    lines.push(
      `| ${size} KB, ${encoding} | ${(of(({ packed }) => packed.bytes) / 1_024).toFixed(1)} KB | ` +
        `${of(({ plain, packed }) => packed.micros - plain.micros).toFixed(0)} | ` +
        `${of(({ plain, packed }) => packed.cpuMicros - plain.cpuMicros).toFixed(0)} | ` +
        `${of(({ plain, packed }) => packed.micros / plain.micros).toFixed(2)} | ` +
        `${of(({ plain, packed }) => packed.cpuMicros / plain.cpuMicros).toFixed(2)} |`,
    )
  }
}
process.stdout.write(`${lines.join('\n')}\n`)
connection.close()
await app.close()
