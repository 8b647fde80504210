/** Names and values as a form carries them; an undefined value is left out. */
export interface HiddenFieldsProps {
  fields: Record<string, string | undefined>
}

/** The values that a form sends along unseen, escaped and otherwise unchanged. */
export function HiddenFields({ fields }: HiddenFieldsProps) {
  return Object.entries(fields).map(([name, value]) =>
    value === undefined ? null : <input type="hidden" name={name} value={value} />,
  )
}
