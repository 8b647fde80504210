// A part of a document that a program writes, between two markers, and leaves the rest alone.
import fs from 'node:fs'

/** Puts `text` into the region of that name, at the end of the file when there is none yet; makes the file, with `title`, when there is none. */
export function writeRegion(file, name, text, title) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const region = `${begin}\n${text.trim()}\n${end}`
  const old = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : `# ${title}\n`
  const [from, to] = [old.indexOf(begin), old.indexOf(end)]
  const isThere = from !== -1 && to > from
  const written = isThere ? old.slice(0, from) + region + old.slice(to + end.length) : `${old.trimEnd()}\n\n${region}\n`
  fs.writeFileSync(file, written)
}
