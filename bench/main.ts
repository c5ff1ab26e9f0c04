// `npm run bench`: measures Bulkhead beside its peers, on one database, in one run. Prints tables; docs/performance.md
// explains them.
import { readOptions, USAGE } from './options.ts'
import { preparePeers } from './prepare.ts'
import { isProduct } from './workloads.ts'

const options = readOptions(process.argv.slice(2))
if (options === 'help') {
  process.stdout.write(`${USAGE}\n`)
} else {
  // The product needs nothing of it.
  if (!options.peers.every(isProduct)) preparePeers()
  // What the peers need can be loaded only now.
  const { runBenchmark } = await import('./run.ts')
  process.exitCode = await runBenchmark(options).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`)
    return 1
  })
}
