import { defineConfig } from 'vitest/config'

/** The tests that need neither a database nor a socket: `npm run check`. */
export default defineConfig({
  test: { include: ['test/architecture.test.ts', 'test/unit/**/*.test.{ts,tsx}'] },
})
