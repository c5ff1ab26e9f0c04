// `npm run bench`: Bulkhead beside its peers, on one database, in one run. Prints tables; what they mean is told in
// docs/performance.md.
import { readOptions, USAGE } from './options.ts'
import { preparePeers } from './prepare.ts'

const options = readOptions(process.argv.slice(2))
if (options === 'help') {
  process.stdout.write(`${USAGE}\n`)
} else {
  preparePeers()
  // Only now can what the peers need be loaded.
  const { runBenchmark } = await import('./run.ts')
  process.exitCode = await runBenchmark(options).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`)
    return 1
  })
}
