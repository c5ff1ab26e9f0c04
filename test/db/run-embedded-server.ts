// A process with an embedded server, to be killed by embedded-server.test.ts. Prints its address.
import { createLogger } from '../../src/core/logger.ts'
import { startEmbeddedServer } from '../../src/db/embedded/embedded-server.ts'

const [dataDir = '', thenWhat] = process.argv.slice(2)
const { pid, ownerUrl } = await startEmbeddedServer({ dataDir, logger: createLogger('fatal') })
process.on('SIGTERM', () => process.exit()) // which ends PostgreSQL too
process.stdout.write(`${JSON.stringify({ pid, ownerUrl })}\n`)
if (thenWhat === 'crash') throw new Error('nobody caught this')
