import { defineConfig } from 'vitest/config'

// The verifier is tested from its sources; what is started as a process of its own uses the compiled package.
const conditions = ['falconer-source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx', 'packages/verifier/test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // For a machine that does other things too; nothing here is meant to be quick or slow.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    pool: 'forks',
    // Files share what they import: each server has a database of its own, and loading everything anew took a sixth of the time.
    isolate: false,
    maxWorkers: 2,
    reporters: ['default'],
  },
})
