import type { FastifyInstance, FastifyReply } from 'fastify'
import { consoleClientId, ensureConsoleClient } from '../../admin/console-client.ts'
import { randomSecret } from '../../crypto/opaque-token.ts'
import { sendError } from '../error-page.tsx'
import { queryOf } from '../form.ts'
import { words } from '../views/console/words.ts'
import type { ConsoleTools } from './visitor.ts'

const path = '/admin/signed-in'
/** A page of the console, as browsers write addresses. */
const ownPage = /^\/admin(?:[/?][!-~]*)?$/

/** GET /admin/signed-in is where the sign-in leads back to, GET /admin/sign-in begins one, also for somebody else than is signed in. */
export function signInRoutes(app: FastifyInstance, tools: ConsoleTools): void {
  // The code is not looked at: what the console goes by is the session that the sign-in has made.
  app.get('/signed-in', async (request, reply) => {
    const query = queryOf(request)
    if (query.get('error') !== undefined) return sendError(request, reply, 403, { ...words.notSignedIn, action: again })
    const back = query.get('state') ?? ''
    return reply.header('cache-control', 'no-store').redirect(ownPage.test(back) ? back : '/admin', 303)
  })

  app.get('/sign-in', async (_request, reply) => sendToSignIn(reply, '/admin', tools, { prompt: 'login' }))
}

const again = { href: '/admin/sign-in', label: words.signIn }

/** Sends a browser to the sign-in page, like every app does, and from there to a page of the console. */
export async function sendToSignIn(
  reply: FastifyReply,
  back: string,
  tools: ConsoleTools,
  how?: { prompt: 'login' } | { max_age: string },
): Promise<FastifyReply> {
  const redirectUri = tools.issuer + path
  await ensureConsoleClient(redirectUri, tools)
  const request = new URLSearchParams({
    client_id: consoleClientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid',
    // Nobody has its verifier: the code is worth nothing.
    code_challenge: randomSecret(),
    code_challenge_method: 'S256',
    state: back,
    ...how,
  })
  return reply.header('cache-control', 'no-store').redirect(`/authorize?${request}`, 303)
}

/** The page for somebody who is signed in and has no role. */
export const noRole = (username: string) => ({
  ...words.noRole(username),
  audience: 'administrator' as const,
  action: { href: '/admin/sign-in', label: words.somebodyElse },
})
