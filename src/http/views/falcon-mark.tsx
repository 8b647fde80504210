// Three flight feathers of one wing, longest first; icon.svg repeats these shapes.
const feathers = [
  'M4 44C4 18 18 4 44 4C44 14 36 19 27 21C16 23.5 8 30 4 44Z',
  'M10 39C14 31 20 27.5 28 25.5C34 24 39 22 42 18C42 28 36 32.5 29 34C22 35.5 15 36 10 39Z',
  'M17 41C21 39 25.5 38.3 30 37.3C33 36.6 35.5 35.5 37 33.5C36.5 40 32 44 26 44C22.5 44 19.5 43 17 41Z',
]

/** Falconer's mark; `class` decides its size, its colours come from the stylesheet. */
export function FalconMark({ class: className }: { class: string }) {
  return (
    <svg class={className} viewBox="0 0 48 48" aria-hidden="true" focusable="false">
      {feathers.map((shape, index) => (
        <path class={`feather feather-${index + 1}`} d={shape} />
      ))}
    </svg>
  )
}
