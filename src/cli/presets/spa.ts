import { firstOf, lines, literal, originsOf, type Preset } from './preset.ts'

/** A single-page application with oidc-client-ts: a public client. */
export const spa: Preset = {
  defaultRedirect: 'http://localhost:5173/callback',
  envFile: '.env.local',
  metadata: (redirectUris) => ({
    redirect_uris: redirectUris,
    post_logout_redirect_uris: originsOf(redirectUris, '/'),
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  }),
  names: ['VITE_OIDC_AUTHORITY', 'VITE_OIDC_CLIENT_ID'],
  values: ({ issuer, clientId }) => ({ VITE_OIDC_AUTHORITY: issuer, VITE_OIDC_CLIENT_ID: clientId }),
  snippets: ({ issuer, clientId, redirectUris, isInFile }) => {
    const { href, origin, pathname } = firstOf(redirectUris)
    return [
      {
        file: 'main.js',
        how: 'npm install oidc-client-ts, for a page that a bundler such as Vite serves',
        code: lines(
          `import { UserManager } from 'oidc-client-ts'`,
          '',
          'const users = new UserManager({',
          `  authority: ${isInFile ? 'import.meta.env.VITE_OIDC_AUTHORITY' : literal(issuer)},`,
          `  client_id: ${isInFile ? 'import.meta.env.VITE_OIDC_CLIENT_ID' : literal(clientId)},`,
          `  redirect_uri: ${literal(href)},`,
          `  post_logout_redirect_uri: ${literal(`${origin}/`)},`,
          `  scope: 'openid profile email',`,
          '  loadUserInfo: true,',
          '})',
          '',
          `if (location.pathname === ${literal(pathname)}) {`,
          '  await users.signinCallback()',
          `  history.replaceState(null, '', '/')`,
          '}',
          'const user = await users.getUser()',
          'if (!user || user.expired) await users.signinRedirect()',
          // oxlint-disable-next-line eslint/no-template-curly-in-string -- code of somebody else
          'else document.body.textContent = `Hello ${user.profile.name ?? user.profile.sub}` // users.signoutRedirect() logs out',
        ),
      },
    ]
  },
}
