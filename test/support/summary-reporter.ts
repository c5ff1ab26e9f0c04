// Owns: the last line of a test run, `N passed, N failed` alone, by which automation counts. Shows nothing else.
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const line = summarize(modules, unhandledErrors.length)
    // The default reporter writes its own closing lines after ours would come; the exit comes after both.
    process.once('exit', () => process.stdout.write(`${line}\n`))
  }
}

/** What fails outside any test (loading a module, a hook, a stray rejection) counts as a failure each: none may pass unseen. */
export function summarize(modules: readonly TestModule[], unhandledErrors: number): string {
  let passed = 0
  let failed = unhandledErrors
  let skipped = 0
  for (const module of modules) {
    failed += module.errors().length
    for (const suite of module.children.allSuites()) failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') passed += 1
      else if (state === 'failed') failed += 1
      else skipped += 1
    }
  }
  const counts = `${passed} passed, ${failed} failed`
  return skipped === 0 ? counts : `${counts}, ${skipped} skipped`
}
