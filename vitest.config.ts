// How the tests run. Where their PostgreSQL comes from is test/support/global-setup.ts's.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/summary-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // A worker keeps the sources for its next file: loading them is three seconds' work, most of what a short file takes.
    // All that they keep is what modules make known at their import, and every-module.ts has that be the same for each.
    isolate: false,
    setupFiles: ['test/support/every-module.ts'],
    // A poll ends as soon as what it waits for is there; its own bound, a second, is less than a busy machine may take.
    expect: { poll: { timeout: 15_000 } },
    // On a machine with other work a command of the command line takes seconds, and some tests run ten of them.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Node runs the sources itself, as it does in production: no transformation, and no vi.mock.
    experimental: { viteModuleRunner: false, nodeLoader: false },
  },
})
