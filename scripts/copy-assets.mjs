// The compiler copies only what it compiles; the pages need their stylesheets and their icons beside them.
import { cpSync } from 'node:fs'

const assets = ['http/views/style.css', 'http/views/icon.svg', 'demo/views/demo.css', 'demo/views/icon.svg']

for (const asset of assets) cpSync(`src/${asset}`, `dist/${asset}`)
