/** Whether this can be an S256 challenge: the base64url form of 32 bytes (RFC 7636 §4.2). */
export function isCodeChallenge(value: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(value)
}

/** Whether this can be a code verifier: 43 to 128 unreserved characters (RFC 7636 §4.1). */
export function isCodeVerifier(value: string): boolean {
  return /^[A-Za-z0-9._~-]{43,128}$/.test(value)
}
