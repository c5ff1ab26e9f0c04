// A server process for tests to kill: the parts of `bulkhead serve`, with given addresses, and a clock that a test may
// set ahead. Argument: a JSON object. Prints its address in one line.
import { openApi } from '../../src/api.ts'
import { parseConfig } from '../../src/config.ts'
import { createLogger } from '../../src/core/logger.ts'
import { openRuntime } from '../../src/runtime.ts'

type Arguments = { runtimeUrl: string; companionUrl: string | null; dataDir: string; clockAheadMs: number }

const { runtimeUrl, companionUrl, dataDir, clockAheadMs } = JSON.parse(process.argv[2] ?? '{}') as Arguments
const config = parseConfig({ DATA_DIR: dataDir, PORT: '0', METRICS_PORT: '0', DATABASE_POOL_MAX: '4' })
const logger = createLogger('silent')
const runtime = await openRuntime(config, { runtimeUrl, companionUrl }, logger)
const clock = () => new Date(Date.now() + clockAheadMs)
const api = await openApi(config, { ...runtime, clock })
const { url } = await api.listen()
process.stdout.write(`${url}\n`)
