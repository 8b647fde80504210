const members: Readonly<Record<string, string>> = {
  users_username_norm_key: 'username',
  users_email_norm_key: 'email',
}

/** The member whose value is taken, when this is PostgreSQL's refusal of a second row with it. */
export function conflictOf(error: unknown): string | undefined {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown }
  return code === '23505' && typeof constraint === 'string' ? members[constraint] : undefined
}
