import { lines, literal, type Preset } from './preset.ts'

const isLoopback = (uri: string): boolean => /^http:\/\/(127\.0\.0\.1|\[::1\])(:\d+)?\//.test(uri)

/** A program on somebody's machine: a public client with PKCE, and a redirect to any free port (RFC 8252). */
export const native: Preset = {
  defaultRedirect: 'http://127.0.0.1/callback',
  envFile: '.env',
  metadata: (redirectUris) => ({
    redirect_uris: redirectUris,
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  }),
  names: ['OIDC_ISSUER', 'CLIENT_ID'],
  values: ({ issuer, clientId }) => ({ OIDC_ISSUER: issuer, CLIENT_ID: clientId }),
  snippets: ({ issuer, clientId, redirectUris, isInFile, envFile }) => {
    const redirect = redirectUris.find(isLoopback)
    // With a scheme of its own the platform brings the person back: no code of ours can show that.
    if (redirect === undefined) return []
    const { hostname, pathname } = new URL(redirect)
    const insecure = issuer.startsWith('http:') ? ', { execute: [client.allowInsecureRequests] }' : ''
    const server = isInFile ? 'process.env.OIDC_ISSUER' : literal(issuer)
    const id = isInFile ? 'process.env.CLIENT_ID' : literal(clientId)
    return [
      {
        file: 'login.mjs',
        how: `npm install openid-client && node ${isInFile ? `--env-file=${envFile} ` : ''}login.mjs`,
        code: lines(
          `import { once } from 'node:events'`,
          `import { createServer } from 'node:http'`,
          `import * as client from 'openid-client'`,
          '',
          `const issuer = new URL(${server})`,
          `const config = await client.discovery(issuer, ${id}, undefined, client.None()${insecure})`,
          'const pkceCodeVerifier = client.randomPKCECodeVerifier()',
          'const expectedState = client.randomState()',
          '',
          `const server = createServer().listen(0, ${literal(hostname.replace(/^\[|\]$/g, ''))})`,
          `await once(server, 'listening')`,
          // oxlint-disable-next-line eslint/no-template-curly-in-string -- code of somebody else
          `const redirect_uri = \`http://${hostname}:\${server.address().port}${pathname}\``,
          'const url = client.buildAuthorizationUrl(config, {',
          '  redirect_uri,',
          `  scope: 'openid profile email',`,
          '  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),',
          `  code_challenge_method: 'S256',`,
          '  state: expectedState,',
          '})',
          // oxlint-disable-next-line eslint/no-template-curly-in-string -- code of somebody else
          'console.log(`Open this in a browser:\\n${url}`)',
          '',
          `const [request, response] = await once(server, 'request')`,
          `response.setHeader('connection', 'close').end('You can close this window.')`,
          'server.close()',
          'const callback = new URL(request.url, redirect_uri)',
          'const tokens = await client.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState })',
          'const user = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)',
          // oxlint-disable-next-line eslint/no-template-curly-in-string -- code of somebody else
          'console.log(`Hello ${user.name ?? user.sub}`)',
        ),
      },
    ]
  },
}
