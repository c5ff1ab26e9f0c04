// The sandbox's process: `node src/shop/sandbox/main.ts --port 4001 --data-dir .data/sandbox`. Prints its address as
// one line of JSON, and can be made to end with its parent.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { serveSandbox } from './server.ts'

const PORT_MAX = 65_535

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'data-dir': { type: 'string', default: '.data/sandbox' },
    'with-parent': { type: 'boolean', default: false },
  },
})

try {
  await mkdir(values['data-dir'], { recursive: true })
  const server = await serveSandbox({ dataDir: values['data-dir'], port: portOf(values.port) })
  let isStopping = false
  const stop = () => {
    // A signal and the parent's end may both come.
    if (isStopping) return
    isStopping = true
    server.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
  if (values['with-parent']) process.stdin.resume().once('close', stop)
  // Read by commands beside the server.
  await writeFile(join(values['data-dir'], 'url'), server.instanceUrl)
  process.stdout.write(`${JSON.stringify({ url: server.url })}\n`)
} catch (error) {
  process.stdout.write(
    `${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`,
  )
  process.exit(1)
}

function portOf(given: string): number {
  const port = Number(given)
  if (!/^\d+$/.test(given) || port > PORT_MAX) throw new Error(`--port takes 0 to ${PORT_MAX}, not ${given}`)
  return port
}
