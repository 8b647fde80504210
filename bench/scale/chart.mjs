// The latencies by size as an SVG, in the colours that the reader's system wants; large enough letters for a telephone.
const width = 480
const height = 400
const plot = { left: 58, right: 462, top: 96, bottom: 336 }

const style = `
  .ground { fill: #ffffff } text { fill: #1f2328; font: 14px system-ui, -apple-system, "Segoe UI", sans-serif } .title { font-weight: 600; font-size: 16px }
  .grid { stroke: #d1d9e0 } .axis { stroke: #59636e } .line { fill: none; stroke-width: 2.5 } .p50 { stroke-dasharray: 3 4 }
  .few { stroke: #0a58ca } .many { stroke: #b8450b } .dot.few { fill: #0a58ca } .dot.many { fill: #b8450b } .value { font-size: 13px }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .grid { stroke: #30363d } .axis { stroke: #9198a1 }
    .few { stroke: #79b8ff } .many { stroke: #ffab70 } .dot.few { fill: #79b8ff } .dot.many { fill: #ffab70 }
  }`

/**
 * @param {{ rows: number, levels: Record<number, { p50Ms: number, p99Ms: number }> }[]} sizes ascending
 * @param {[few: number, many: number]} drawn the two numbers of connections to draw
 */
export function drawChart(sizes, [few, many]) {
  const top = niceTop(Math.max(...sizes.flatMap(({ levels }) => [levels[few].p99Ms, levels[many].p99Ms])))
  const x = positions(sizes.map(({ rows }) => rows))
  const y = (ms) => plot.bottom - (ms / top) * (plot.bottom - plot.top)
  const series = [
    { level: few, look: 'few' },
    { level: many, look: 'many' },
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
<title id="title">${describe(sizes, [few, many])}</title>
<style>${style}
</style>
<rect class="ground" width="${width}" height="${height}" rx="8"/>
<text class="title" x="16" y="28">Latency of a refresh by number of sessions</text>
${series.map(({ level, look }, i) => legend(level, look, 54 + i * 20)).join('\n')}
${ticks(top)
  .map((ms) => gridLine(ms, y(ms)))
  .join('\n')}
<line class="axis" x1="${plot.left}" y1="${plot.bottom}" x2="${plot.right}" y2="${plot.bottom}"/>
${sizes.map(({ rows }, i) => label(x[i], plot.bottom + 22, named(rows), anchorOf(i, sizes.length))).join('\n')}
${label((plot.left + plot.right) / 2, height - 14, 'live sessions, each with a grant (logarithmic)', 'middle')}
<text x="16" y="${(plot.top + plot.bottom) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(plot.top + plot.bottom) / 2})">milliseconds</text>
${series.flatMap(({ level, look }) => ['p50Ms', 'p99Ms'].map((name) => curve(sizes, x, y, { level, look, name }))).join('\n')}
</svg>
`
}

function curve(sizes, x, y, { level, look, name }) {
  const points = sizes.map(({ levels }, i) => [round(x[i]), round(y(levels[level][name]))])
  const line = `<polyline class="line ${look} ${name === 'p50Ms' ? 'p50' : ''}" points="${points.map((point) => point.join(',')).join(' ')}"/>`
  const dots = points.map(([cx, cy]) => dot(look, cx, cy)).join('')
  if (name === 'p50Ms') return line + dots
  const values = points.map(([cx, cy], i) =>
    label(cx, cy - 10, sizes[i].levels[level].p99Ms.toFixed(1), anchorOf(i, sizes.length), 'value'),
  )
  return line + dots + values.join('')
}

/** A shape each, for who cannot tell the colours apart. */
const dot = (look, x, y) =>
  look === 'few'
    ? `<circle class="dot few" cx="${x}" cy="${y}" r="4"/>`
    : `<rect class="dot many" x="${x - 4}" y="${y - 4}" width="8" height="8"/>`

const legend = (level, look, y) =>
  `${dot(look, 24, y - 5)}${label(36, y, `${level} connections:`)}
<line class="line ${look}" x1="170" y1="${y - 5}" x2="206" y2="${y - 5}"/>${label(214, y, 'p99')}
<line class="line ${look} p50" x1="258" y1="${y - 5}" x2="294" y2="${y - 5}"/>${label(302, y, 'p50')}`

const gridLine = (ms, y) =>
  `${ms === 0 ? '' : `<line class="grid" x1="${plot.left}" y1="${round(y)}" x2="${plot.right}" y2="${round(y)}"/>`}${label(plot.left - 8, round(y) + 5, String(ms), 'end')}`

const label = (x, y, text, anchor = 'start', look = '') =>
  `<text${look && ` class="${look}"`} x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${text}</text>`

/** The outermost stay inside of the picture. */
const anchorOf = (i, count) => (i === 0 ? 'start' : i === count - 1 ? 'end' : 'middle')

function positions(rows) {
  const [first, last] = [Math.log10(rows[0]), Math.log10(rows.at(-1))]
  const [from, to] = [plot.left + 14, plot.right - 10]
  return rows.map((n) =>
    last === first ? (from + to) / 2 : from + ((Math.log10(n) - first) / (last - first)) * (to - from),
  )
}

const steps = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

const niceTop = (most) => {
  const step = stepFor(most * 1.12)
  return Math.ceil((most * 1.12) / step) * step
}

const stepFor = (most) => steps.find((one) => most / one <= 6) ?? most / 5

const ticks = (top) => {
  const step = stepFor(top)
  return Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step)
}

/** 10 thousand, 1 million. */
export const named = (rows) =>
  rows >= 1_000_000 ? `${rows / 1_000_000} million` : rows >= 1000 ? `${rows / 1000} thousand` : String(rows)

const describe = (sizes, drawn) =>
  sizes
    .map(
      ({ rows, levels }) =>
        `${named(rows)}: ${drawn.map((level) => `p99 ${levels[level].p99Ms.toFixed(1)} ms at ${level}`).join(', ')}`,
    )
    .join('; ')

const round = (value) => Math.round(value * 10) / 10
