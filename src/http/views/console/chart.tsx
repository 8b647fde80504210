/** One hour: when it began, and a number for each of the series. */
export interface Point {
  readonly hour: Date
  readonly values: readonly number[]
}

interface ChartProps {
  id: string
  title: string
  /** The names of the series; bars stand on each other in this order. */
  series: readonly string[]
  points: readonly Point[]
  shape: 'bars' | 'line'
}

const height = 100
const clock = (hour: Date): string => `${hour.toISOString().slice(11, 16)} UTC`

/**
 * Hours from left to right. The picture is stretched to its place, so its words stand beside it; those who cannot see it, or want the numbers,
 * find them in the table below.
 */
export function Chart({ id, title, series, points, shape }: ChartProps) {
  const totals = points.map(({ values }) => values.reduce((sum, value) => sum + value, 0))
  const most = ceilingOf(Math.max(1, ...totals))
  const first = points[0]?.hour
  return (
    <figure class="chart">
      <figcaption id={id}>{title}</figcaption>
      {series.length > 1 && (
        <p class="legend">
          {series.map((name, i) => (
            <span class={`series-${i}`}>{name}</span>
          ))}
        </p>
      )}
      <div class="plot">
        <span class="most">{most}</span>
        <svg
          viewBox={`0 0 ${points.length} ${height}`}
          preserveAspectRatio="none"
          role="img"
          aria-labelledby={id}
          focusable="false"
        >
          <path class="grid" d={`M0 0H${points.length}M0 ${height / 2}H${points.length}`} />
          {shape === 'bars' ? (
            <Bars points={points} series={series} most={most} />
          ) : (
            <Line totals={totals} most={most} />
          )}
          {points.map((point, i) => (
            <rect class="touch" x={i} y="0" width="1" height={height}>
              <title>{`${clock(point.hour)}: ${saying(point, series)}`}</title>
            </rect>
          ))}
        </svg>
        <p class="hours">
          <span>{first && clock(first)}</span>
          <span>{clock(points[Math.floor(points.length / 2)]?.hour ?? new Date(0))}</span>
          <span>now</span>
        </p>
      </div>
      <details>
        <summary>Numbers</summary>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">Hour</th>
              {series.map((name) => (
                <th scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {points.map(({ hour, values }) => (
              <tr>
                <td>{clock(hour)}</td>
                {values.map((value) => (
                  <td>{value}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  )
}

function Bars({ points, series, most }: Pick<ChartProps, 'points' | 'series'> & { most: number }) {
  return points.map(({ values }, i) =>
    series.map((_, layer) => {
      const below = values.slice(0, layer).reduce((sum, value) => sum + value, 0)
      const size = ((values[layer] ?? 0) / most) * height
      if (size === 0) return null
      const y = height - (below / most) * height - size
      return <rect class={`series-${layer}`} x={i + 0.14} y={rounded(y)} width="0.72" height={rounded(size)} />
    }),
  )
}

function Line({ totals, most }: { totals: readonly number[]; most: number }) {
  const at = totals.map((total, i) => `${i + 0.5} ${rounded(height - (total / most) * height)}`)
  const last = totals.length - 0.5
  return (
    <>
      <path class="area" d={`M0.5 ${height}L${at.join('L')}L${last} ${height}Z`} />
      <path class="line" d={`M${at.join('L')}`} vector-effect="non-scaling-stroke" />
    </>
  )
}

const saying = ({ values }: Point, series: readonly string[]): string =>
  values.map((value, i) => `${value} ${series[i]?.toLowerCase() ?? ''}`).join(', ')

const rounded = (value: number): number => Math.round(value * 100) / 100

/** The next number that reads well: 1, 2 or 5 and zeros. */
function ceilingOf(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most))
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= most) ?? most
}
