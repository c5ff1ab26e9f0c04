// Owns: the last line of a test run, `N passed, N failed` alone, by which automation counts. Shows nothing else.
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

interface Counts {
  passed: number
  failed: number
  skipped: number
}

export default class SummaryReporter implements Reporter {
  #counts: Counts = { passed: 0, failed: 0, skipped: 0 }

  onInit(): void {
    // The default reporter's closing lines come after the end of the run; the exit comes after those.
    process.once('exit', (code) => process.stdout.write(`${summaryLine(this.#counts, code)}\n`))
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#counts = count(modules, unhandledErrors.length)
  }
}

/** What fails outside any test (loading a module, a hook, a stray rejection) counts as a failure each. */
function count(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const counts = { passed: 0, failed: unhandledErrors, skipped: 0 }
  for (const module of modules) {
    counts.failed += module.errors().length
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') counts.passed += 1
      else if (state === 'failed') counts.failed += 1
      else counts.skipped += 1
    }
  }
  return counts
}

function summaryLine({ passed, failed, skipped }: Counts, exitCode: number): string {
  // A run that ends badly without a failed test (its set-up failed, there were no tests) must not read as a good one.
  const failures = failed === 0 && exitCode !== 0 ? 1 : failed
  return `${passed} passed, ${failures} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
}
