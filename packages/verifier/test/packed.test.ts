import { execFile, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { audience, credentials, type FakeIssuer, startFakeIssuer } from './fake-issuer.ts'

const folder = path.resolve(import.meta.dirname, '..')
const root = path.resolve(folder, '../..')
const project = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-verifier-'))
const isWindows = process.platform === 'win32'
let issuer: FakeIssuer

beforeAll(async () => {
  issuer = await startFakeIssuer()
})
afterAll(async () => {
  fs.rmSync(project, { recursive: true, force: true })
  await issuer.close()
})

/** Without what npm hands on from the command that runs these tests: it is another project. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/i.test(name)))

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    env: environment,
    shell: isWindows,
    stdio: ['ignore', 'pipe', 'pipe'],
  })

it('installs from its tarball into an empty project, with jose alone, and verifies a token', async () => {
  // Built here, and not by npm: it would run beside other tests that build the same.
  execFileSync(process.execPath, [path.join(root, 'scripts/build-verifier.mjs')])
  const [packed] = JSON.parse(npm(folder, 'pack', '--json', '--ignore-scripts', '--pack-destination', project)) as {
    filename: string
    files: { path: string }[]
  }[]
  const files = packed?.files.map((file) => file.path) ?? []
  expect(files).toEqual(
    expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']),
  )
  expect(files.filter((file) => !/^(dist\/.*\.(js|d\.ts)|README\.md|LICENSE|package\.json)$/.test(file))).toEqual([])

  fs.writeFileSync(path.join(project, 'package.json'), '{"private":true,"type":"module"}')
  npm(project, 'install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed?.filename}`)
  const installed = fs.readdirSync(path.join(project, 'node_modules')).filter((name) => !name.startsWith('.'))
  expect(installed.sort()).toEqual(['@falconer', 'jose'])

  fs.writeFileSync(
    path.join(project, 'check.js'),
    `import { createVerifier } from '@falconer/verifier'
     const verifier = createVerifier(${JSON.stringify({ issuer: issuer.url, audience, ...credentials })})
     await verifier.ready()
     const result = await verifier.verify(${JSON.stringify(issuer.token())}, { scope: 'orders:read' })
     console.log(JSON.stringify([result.ok, result.claims?.sub]))`,
  )
  const { stdout } = await promisify(execFile)(process.execPath, ['check.js'], { cwd: project, env: environment })
  expect(JSON.parse(stdout)).toEqual([true, 'user-1'])
})
