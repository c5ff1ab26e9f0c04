// A process with two parts, stopped by lifecycle.test.ts. Prints what happens.
import { createLogger } from '../../src/core/logger.ts'
import { runUntilStopped } from '../../src/lifecycle.ts'

const [trouble] = process.argv.slice(2)
const say = (text: string) => process.stdout.write(`${text}\n`)

process.exitCode = await runUntilStopped(createLogger('fatal'), async ({ phase }) => {
  const alive = setInterval(() => {}, 1_000)
  const { promise: firstEnded, resolve: endFirst } = Promise.withResolvers<Error>()
  await phase(
    'first',
    async () => say('first starts'),
    async () => {
      clearInterval(alive)
      say('first stops')
      endFirst(new Error('a part was stopped'))
    },
    () => firstEnded,
  )
  await phase(
    'second',
    async () => say('second starts'),
    async () => {
      say('second stops')
      if (trouble === 'stop-takes-a-moment') await new Promise((resolve) => setTimeout(resolve, 200))
      if (trouble === 'uncaught-then-part-fails') endFirst(new Error('a part ended'))
      if (trouble === 'stop-hangs') await new Promise(() => {})
      if (trouble === 'stop-fails') throw new Error('cannot stop')
    },
  )
  if (trouble === 'start-fails') throw new Error('cannot start')
  if (trouble === 'part-fails') setTimeout(() => endFirst(new Error('a part ended')), 10)
  if (trouble?.startsWith('uncaught')) setTimeout(() => Promise.reject(new Error('nobody caught this')), 10)
  say('ready')
}).catch((error: Error) => {
  say(error.message)
  return 1
})
