// The compiler copies only what it compiles; the pages need their stylesheet and their icon beside them.
import { cpSync } from 'node:fs'

for (const asset of ['style.css', 'icon.svg']) cpSync(`src/http/views/${asset}`, `dist/http/views/${asset}`)
