// Compiles to dist/ and packs what a start loads into dist/packed/. Where the compiler is left out (npm ci --omit=dev), what was built before is used as it is. Usage: npm run build
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (existsSync('node_modules/.bin/tsc')) {
  await import('./build-verifier.mjs')
  const options = { stdio: 'inherit', shell: process.platform === 'win32' }
  const { status } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], options)
  if (status !== 0) process.exit(status ?? 1)
  await import('./copy-assets.mjs')
  await import('./pack.mjs')
} else if (!existsSync('dist/packed/main.js')) {
  const said = existsSync('node_modules')
    ? 'Falconer is not built, and its compiler is not installed (npm ci --omit=dev leaves it out).\nRun npm ci && npm run build, then npm prune --omit=dev and npm start.'
    : 'The packages of Falconer are not installed. Run npm ci first.'
  console.error(said)
  process.exit(1)
}
