import { defineConfig } from 'vitest/config'

/** The tests that need neither a database nor a socket: `npm run check`. */
export default defineConfig({
  // Making keys takes its time where other things run too.
  test: { include: ['test/architecture.test.ts', 'test/unit/**/*.test.{ts,tsx}'], testTimeout: 60_000 },
})
