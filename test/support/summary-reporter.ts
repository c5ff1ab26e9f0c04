// Prints the last line of a test run, `N passed, N failed`, for automation.
import { writeSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule, Vitest } from 'vitest/node'

interface Counts {
  passed: number
  failed: number
  skipped: string[]
}

/**
 * Lists skipped tests before the last line. With REQUIRE_ALL_TESTS=1, as in CI, where every required program is
 * installed, each of them is a failure.
 */
export default class SummaryReporter implements Reporter {
  readonly #requireAll = process.env.REQUIRE_ALL_TESTS === '1'
  /** By name: then nearly all tests are skipped, and their number says enough. */
  #isFiltered = false
  #counts: Counts = { passed: 0, failed: 0, skipped: [] }

  onInit({ config }: Vitest): void {
    this.#isFiltered = config.testNamePattern !== undefined
    // The default reporter's closing lines come after the end of the run; the exit comes after those.
    process.once('exit', (code) => writeAll(summary(this.#counts, code, this.#isFiltered)))
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#counts = count(modules, unhandledErrors.length)
    if (!this.#requireAll || this.#counts.skipped.length === 0) return
    this.#counts.failed += this.#counts.skipped.length
    process.exitCode = 1
  }
}

/** An error outside any test (loading a module, a hook, a stray rejection) counts as a failure. */
function count(modules: readonly TestModule[], unhandledErrors: number): Counts {
  const counts: Counts = { passed: 0, failed: unhandledErrors, skipped: [] }
  for (const module of modules) {
    counts.failed += module.errors().length
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') counts.passed += 1
      else if (state === 'failed') counts.failed += 1
      else counts.skipped.push(`${module.relativeModuleId} > ${test.fullName}`)
    }
  }
  return counts
}

function summary({ passed, failed, skipped }: Counts, exitCode: number, isFiltered: boolean): string {
  // A run that fails without a failed test (its set-up failed, there were no tests) must not look successful.
  const failures = failed === 0 && exitCode !== 0 ? 1 : failed
  const left = isFiltered ? [`${skipped.length} skipped by name`] : skipped.map((test) => `skipped: ${test}`)
  const lines = [...left, `${passed} passed, ${failures} failed`]
  return `${lines.join('\n')}\n`
}

const FULL_WAIT_MS = 5

/** Synchronously: an exit does not wait for a stream's pending output, and a pipe accepts only so much at a time. */
function writeAll(text: string): void {
  let left: Uint8Array = Buffer.from(text)
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(process.stdout.fd, left))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      // The reader has closed the pipe.
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_WAIT_MS)
    }
  }
}
