import { type Facts, lines, literal, type Preset, type Snippet } from './preset.ts'

const envOf = 'const { OIDC_ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env'

/** A service in its own name: it calls APIs, or is one. */
export const service: Preset = {
  defaultRedirect: undefined,
  envFile: '.env',
  metadata: () => ({ grant_types: ['client_credentials'], token_endpoint_auth_method: 'client_secret_basic' }),
  names: ['OIDC_ISSUER', 'CLIENT_ID', 'CLIENT_SECRET'],
  values: ({ issuer, clientId, clientSecret = '' }) => ({
    OIDC_ISSUER: issuer,
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret,
  }),
  snippets: (facts) => {
    const [api] = (facts.client['resource_server_for'] ?? []) as readonly string[]
    return api === undefined ? [caller(facts), ...checker(facts)] : [verifier(api, facts)]
  },
}

/** Gets a token of its own; a new one when this has run out. */
const caller = ({ envFile, client }: Facts): Snippet => ({
  file: 'call.mjs',
  how: `node --env-file=${envFile} call.mjs`,
  code: lines(
    envOf,
    "const basic = Buffer.from(`${encodeURIComponent(CLIENT_ID)}:${encodeURIComponent(CLIENT_SECRET)}`).toString('base64')",
    'const answer = await fetch(`${OIDC_ISSUER}/token`, {',
    `  method: 'POST',`,
    '  headers: { authorization: `Basic ${basic}` },',
    `  body: new URLSearchParams({ grant_type: 'client_credentials'${scopeOf(client)} }),`,
    '})',
    'if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`)',
    'const { access_token, expires_in } = await answer.json()',
    '// Use it until shortly before it expires: fetch(url, { headers: { authorization: `Bearer ${access_token}` } })',
    'console.log(`A token for ${expires_in} seconds:\\n${access_token}`)',
  ),
})

const scopeOf = ({ scope }: Facts['client']): string =>
  typeof scope === 'string' && scope !== '' ? `, scope: ${literal(scope)}` : ''

/** The other side, where it is known: any library that validates JWTs will do. */
function checker({ issuer, client }: Facts): Snippet[] {
  const audience = client['default_resource']
  if (typeof audience !== 'string') return []
  return [
    {
      file: 'api.mjs',
      how: 'npm install jose; at the API: signature, issuer and audience. To refuse revoked tokens at once, see --resource-server-for',
      code: lines(
        `import { createRemoteJWKSet, jwtVerify } from 'jose'`,
        '',
        `const keys = createRemoteJWKSet(new URL(${literal(`${issuer}/.well-known/jwks.json`)}))`,
        'export async function check(token) {',
        `  const expected = { issuer: ${literal(issuer)}, audience: ${literal(audience)}, typ: 'at+jwt' }`,
        '  const { payload } = await jwtVerify(token, keys, expected)',
        '  return payload // payload.scope, payload.sub',
        '}',
      ),
    },
  ]
}

/** The API itself: a token that was revoked is refused milliseconds later. */
const verifier = (audience: string, { envFile }: Facts): Snippet => ({
  file: 'api.mjs',
  how: `npm install @falconer/verifier, and run it with node --env-file=${envFile}`,
  code: lines(
    `import { createVerifier } from '@falconer/verifier'`,
    '',
    envOf,
    'export const verifier = createVerifier({',
    '  issuer: OIDC_ISSUER,',
    `  audience: ${literal(audience)},`,
    '  clientId: CLIENT_ID,',
    '  clientSecret: CLIENT_SECRET,',
    '})',
    '// verifier.verify(token) answers { ok: true, claims } or { ok: false, error }; verifier.express() and others guard routes',
  ),
})
