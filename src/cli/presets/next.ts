import { randomSecret } from '../../crypto/opaque-token.ts'
import { firstOf, lines, literal, originsOf, type Preset } from './preset.ts'

/** The id of the provider is the end of the callback: /api/auth/callback/<id>. */
const idOf = (redirectUris: readonly string[]): string => firstOf(redirectUris).pathname.split('/').at(-1) || 'falconer'

/** A Next.js application with Auth.js (next-auth 5). */
export const next: Preset = {
  defaultRedirect: 'http://localhost:3001/api/auth/callback/falconer',
  envFile: '.env.local',
  metadata: (redirectUris) => ({
    redirect_uris: redirectUris,
    post_logout_redirect_uris: originsOf(redirectUris),
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
  }),
  names: ['AUTH_URL', 'AUTH_SECRET', 'AUTH_FALCONER_ISSUER', 'AUTH_FALCONER_ID', 'AUTH_FALCONER_SECRET'],
  values: ({ issuer, clientId, clientSecret = '', redirectUris }) => ({
    AUTH_URL: firstOf(redirectUris).origin,
    AUTH_SECRET: randomSecret(), // of the cookies
    AUTH_FALCONER_ISSUER: issuer,
    AUTH_FALCONER_ID: clientId,
    AUTH_FALCONER_SECRET: clientSecret,
  }),
  snippets: ({ redirectUris, envFile }) => [
    {
      file: 'auth.ts',
      how: `npm install next-auth@beta; the values go into ${envFile}, which Next.js reads; this code was not run by our tests`,
      code: lines(
        `import NextAuth from 'next-auth'`,
        '',
        'export const { handlers, auth, signIn, signOut } = NextAuth({',
        '  providers: [',
        '    {',
        `      id: ${literal(idOf(redirectUris))},`,
        `      name: 'Falconer',`,
        `      type: 'oidc',`,
        '      issuer: process.env.AUTH_FALCONER_ISSUER,',
        '      clientId: process.env.AUTH_FALCONER_ID,',
        '      clientSecret: process.env.AUTH_FALCONER_SECRET,',
        `      checks: ['pkce', 'state', 'nonce'],`,
        '    },',
        '  ],',
        '})',
      ),
    },
    {
      file: 'app/api/auth/[...nextauth]/route.ts',
      how: `npx next dev --port ${firstOf(redirectUris).port || '3000'}`,
      code: lines(`import { handlers } from '@/auth'`, '', 'export const { GET, POST } = handlers'),
    },
  ],
}
