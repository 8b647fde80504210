import { clientFields } from '../../domain/client-metadata.ts'
import type { Noun, Options } from '../definition.ts'
import { optionsFor, unsetOption, type Wording } from '../fields.ts'
import { limit, yes } from './options.ts'

export const presetNames = ['express', 'next', 'spa', 'native', 'service'] as const

const wordings: Readonly<Record<string, Wording>> = {
  client_name: { option: 'name', help: 'what people are shown' },
  client_uri: { value: 'URL', help: 'home page' },
  logo_uri: { value: 'URL', help: 'logo' },
  policy_uri: { value: 'URL', help: 'privacy policy' },
  tos_uri: { value: 'URL', help: 'terms of service' },
  contacts: { option: 'contact', help: 'whom to write to' },
  software_id: { help: 'the same in every installation of the software' },
  software_version: { help: 'its version' },
  application_type: { help: 'native: may use any loopback port and schemes of its own' },
  token_endpoint_auth_method: { option: 'auth-method', help: 'how it authenticates; none: a public client' },
  grant_types: { option: 'grant-type', help: 'what it may use at the token endpoint' },
  response_types: { option: 'response-type', help: 'always code' },
  scope: { value: '"A B"', help: 'scopes that it may ask for' },
  redirect_uris: { option: 'redirect', value: 'URI', help: 'where people come back to after a log-in' },
  post_logout_redirect_uris: { option: 'post-logout-redirect', value: 'URI', help: 'the same after a log-out' },
  id_token_signed_response_alg: { option: 'id-token-alg', help: 'how its ID tokens are signed' },
  default_max_age: { value: 'SECONDS', help: 'how long ago people may have signed in' },
  require_pkce: { help: 'codes only with PKCE (RFC 7636)' },
  skip_consent: { help: 'first-party: people are not asked' },
  disabled: { help: 'keep it out, and end everything of it' },
  access_token_ttl_seconds: { option: 'access-token-ttl', value: 'SECONDS', help: 'how long its access tokens live' },
  session_idle_seconds: { option: 'session-idle', value: 'SECONDS', help: 'may only shorten what the server says' },
  session_max_seconds: { option: 'session-max', value: 'SECONDS', help: 'may only shorten what the server says' },
  offline_idle_seconds: { option: 'offline-idle', value: 'SECONDS', help: 'may only shorten what the server says' },
  offline_max_seconds: { option: 'offline-max', value: 'SECONDS', help: 'may only shorten what the server says' },
  refresh_token_rotation: { help: 'never: only for a confidential client' },
  refresh_grace_seconds: {
    option: 'refresh-grace',
    value: 'SECONDS',
    help: 'how long a repeated refresh gets the same answer',
  },
  lost_response_window_seconds: {
    option: 'lost-response-window',
    value: 'SECONDS',
    help: 'the same for a client that may lose answers for longer',
  },
  refresh_counts_as_activity: { help: 'a refresh keeps the session from idling out' },
  reuse_revokes_session: { help: 'a reused refresh token ends the session too' },
  terminate_offline_on_logout: { help: 'a log-out ends offline grants too' },
  single_flight: { help: 'it never sends two refreshes at once' },
  notify_on_expiry: { help: 'tell it when a session runs out' },
  default_resource: { value: 'URI', help: 'the API that its tokens are for when it names none' },
  allowed_resources: { option: 'allowed-resource', value: 'URI', help: 'the only APIs that it may name' },
  allowed_cors_origins: {
    option: 'cors-origin',
    value: 'ORIGIN',
    help: 'web origins besides those of its redirect URIs',
  },
  resource_server_for: {
    option: 'resource-server-for',
    value: 'URI',
    help: 'it is this API: it may introspect its tokens and read its revocations',
  },
}

/** One option for each member of a client. */
export const clientOptions: Options = optionsFor(clientFields, wordings)

const clientId = { name: 'client_id', help: 'the id of the client', member: 'client_id' } as const

export const clientNoun: Noun = {
  title: 'Applications',
  commands: [
    {
      name: 'clients create',
      summary: 'register an application; with --preset also print the code that plugs it in',
      arguments: [{ ...clientId, help: 'its id; made up when it is left out', isOptional: true }],
      options: {
        preset: {
          type: 'string',
          choices: presetNames,
          help: 'the right metadata for this kind of application, and its code',
        },
        'write-env': {
          type: 'string',
          value: 'FILE',
          help: 'write what the code reads into this file of NAME=value lines (mode 0600)',
        },
        force: { type: 'boolean', help: 'let --write-env replace other values' },
        ...clientOptions,
      },
      notes: [
        'express, next and service are confidential and get a secret, which is shown once; spa and native are public. With --write-env the secret goes into the file and is not shown.',
        'The code of express, spa, native and service is run by our tests. That of next (Auth.js) is not: its values are checked, and that is all.',
      ],
      examples: [
        'falconer clients create --preset express --redirect http://localhost:5000/callback --write-env .env',
        'falconer clients create shop-spa --preset spa --redirect https://shop.example.com/callback',
        'falconer clients create reports --preset service --scope reports:read --default-resource https://api.example.com',
        'falconer clients create orders-api --preset service --resource-server-for https://api.example.com',
      ],
      scopes: ['clients:write'],
      load: async () => (await import('../commands/client-create.ts')).create,
    },
    {
      name: 'clients list',
      summary: 'list the applications',
      options: { limit },
      examples: ['falconer clients list', 'falconer clients list --json | jq -r .[].client_id'],
      scopes: ['clients:read'],
      load: async () => (await import('../commands/clients.ts')).list,
    },
    {
      name: 'clients show',
      summary: 'show everything about an application but its secret',
      arguments: [clientId],
      examples: ['falconer clients show shop-web'],
      scopes: ['clients:read'],
      load: async () => (await import('../commands/clients.ts')).show,
    },
    {
      name: 'clients update',
      summary: 'change members of an application; a list is replaced as a whole',
      arguments: [clientId],
      options: {
        'add-scope': { type: 'string', multiple: true, value: 'SCOPE', help: 'let it ask for this scope too' },
        unset: unsetOption(clientFields),
        ...clientOptions,
      },
      examples: [
        'falconer clients update shop-web --redirect https://shop.example.com/callback',
        'falconer clients update shop-web --add-scope orders:read --skip-consent',
        'falconer clients update shop-web --unset session_idle_seconds',
        'falconer clients update shop-web --disabled',
      ],
      scopes: ['clients:read', 'clients:write'],
      load: async () => (await import('../commands/clients.ts')).update,
    },
    {
      name: 'clients delete',
      summary: 'end everything of an application and delete it',
      arguments: [clientId],
      options: { yes },
      examples: ['falconer clients delete shop-web', 'falconer clients delete shop-web --yes'],
      scopes: ['clients:read', 'clients:write'],
      load: async () => (await import('../commands/clients.ts')).remove,
    },
    {
      name: 'clients rotate-secret',
      summary: 'give an application a new secret; the old ones work on for a day',
      arguments: [clientId],
      options: {
        overlap: {
          type: 'string',
          value: 'SECONDS',
          member: 'overlap_seconds',
          help: 'how long the old secrets still work; 0 ends them at once',
        },
        'write-env': {
          type: 'string',
          value: 'FILE',
          help: 'write it into this file as NAME=value and do not show it',
        },
        'env-name': { type: 'string', value: 'NAME', help: 'its name in that file (CLIENT_SECRET)' },
        force: { type: 'boolean', help: 'let --write-env replace the value that is there' },
      },
      examples: [
        'falconer clients rotate-secret shop-web',
        'falconer clients rotate-secret shop-web --overlap 0 --write-env .env --force',
      ],
      scopes: ['clients:write'],
      load: async () => (await import('../commands/clients.ts')).rotateSecret,
    },
  ],
}
