/**
 * The form in which user names and e-mail addresses are compared: Unicode's NFKC case folding, trimmed.
 * Everything that compares or counts by name goes through here, or `Alice` gets a second account or a second bucket.
 */
export function normalizeIdentifier(value: string): string {
  const compatible = value.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  // Case conversion would turn a dotless i into i; case folding keeps them two letters, and two mailboxes.
  const folded = compatible.split('ı').map(foldCase).join('ı')
  return folded.normalize('NFKC').trim()
}

// Lower, upper, lower: the first makes ẞ an ß, the second an SS, the third ss. A final sigma
// becomes a plain one, or the beginning of a name would not fit the whole of it.
function foldCase(value: string): string {
  return value.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ')
}
