import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Session } from '../../domain/session.ts'
import { accountSession, changePassword, type PasswordChangeRefusal, type Unfit } from '../../login/change-password.ts'
import { requireSameOrigin, requireToken } from '../csrf.ts'
import { formOf, queryOf } from '../form.ts'
import { allowPage } from '../security-headers.ts'
import type { HttpTools } from '../tools.ts'
import { PasswordChangedPage, PasswordPage, type PasswordPageProps, SignInFirstPage } from '../views/password.tsx'
import { renderPage } from '../views/render.ts'
import { fill, text } from '../views/text.ts'

const path = '/account/password'
const formSubject = (sessionId: string) => `password:${sessionId}`
/** What was ended stands in the address of the page that says so; the proof keeps others from writing such an address. */
const changedSubject = (sessionId: string, ended: string) => `password-changed:${sessionId}:${ended}`

/** GET /account/password shows the form, POST changes the password, /account/password/changed says what that did. */
export function accountRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.get(path, async (request, reply) => {
    const session = await accountSession(tools.cookies.readSession(request), tools)
    return session ? sendForm(reply, session, { endsOthers: true }, tools) : sendSignInFirst(reply)
  })

  // Where password managers look (W3C, A Well-Known URL for Changing Passwords).
  app.get('/.well-known/change-password', async (_request, reply) => reply.redirect(path, 303))

  app.post(path, async (request, reply) => {
    requireSameOrigin(request, tools.issuer)
    const form = formOf(request)
    const cookie = tools.cookies.readSession(request)
    const session = await accountSession(cookie, tools)
    if (!cookie || !session) return sendSignInFirst(reply)
    requireToken(tools.csrf.check(formSubject(session.id), form.get('csrf')))
    const change = {
      session,
      cookie,
      current: form.get('current_password') ?? '',
      wanted: form.get('new_password') ?? '',
      repeated: form.get('repeat_password') ?? '',
      endsOthers: form.get('sign_out_others') === 'on',
      address: request.ip,
      requestId: request.id,
    }
    const result = await changePassword(change, tools)
    if ('cookie' in result) {
      tools.cookies.writeSession(reply, result.cookie)
      const ended = change.endsOthers ? String(result.ended?.sessions ?? 0) : ''
      const proof = tools.csrf.issue(changedSubject(session.id, ended))
      return reply
        .header('cache-control', 'no-store')
        .redirect(`${path}/changed?${new URLSearchParams({ ended, proof })}`, 303)
    }
    const { endsOthers } = change
    if ('unfit' in result) return sendForm(reply.status(400), session, { endsOthers, ...saidOf(result) }, tools)
    return sendRefusal(request, reply, result.refused, { session, endsOthers }, tools)
  })

  app.get(`${path}/changed`, async (request, reply) => {
    const session = await accountSession(tools.cookies.readSession(request), tools)
    if (!session) return sendSignInFirst(reply)
    const query = queryOf(request)
    const ended = query.get('ended') ?? ''
    if (!tools.csrf.check(changedSubject(session.id, ended), query.get('proof'))) return reply.redirect(path, 303)
    allowPage(reply)
    return reply.send(renderPage(<PasswordChangedPage sessionsEnded={ended === '' ? undefined : Number(ended)} />))
  })
}

type Said = Omit<PasswordPageProps, 'csrf' | 'username'>

function saidOf(result: Unfit): Omit<Said, 'endsOthers'> {
  const words = text.password
  switch (result.unfit) {
    case 'wanted':
      return { error: fill(words.unfit, { problem: result.detail }), field: 'new-password' }
    case 'same':
      return { error: words.same, field: 'new-password' }
    case 'repeated':
      return { error: words.repeatDiffers, field: 'repeat-password' }
  }
  return result satisfies never
}

function sendRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  refused: PasswordChangeRefusal,
  { session, endsOthers }: { session: Session; endsOthers: boolean },
  tools: HttpTools,
): FastifyReply {
  request.log.info({ reason: refused }, 'password change refused')
  const words = text.password
  switch (refused) {
    case 'ended':
    case 'disabled':
      return sendSignInFirst(reply)
    case 'limit': {
      const { locked: error, lockedTitle: errorTitle } = text.login
      return sendForm(reply.status(429), session, { endsOthers, error, errorTitle }, tools)
    }
    case 'password_changed':
      return sendForm(reply.status(409), session, { endsOthers, error: words.overtaken }, tools)
    case 'wrong_password':
    case 'unknown_user':
      return sendForm(reply.status(403), session, { endsOthers, error: words.wrong, field: 'current-password' }, tools)
  }
  return refused satisfies never
}

function sendForm(reply: FastifyReply, session: Session, said: Said, tools: HttpTools): FastifyReply {
  allowPage(reply)
  const csrf = tools.csrf.issue(formSubject(session.id))
  return reply.send(renderPage(<PasswordPage csrf={csrf} username={session.username} {...said} />))
}

function sendSignInFirst(reply: FastifyReply): FastifyReply {
  allowPage(reply)
  return reply.status(401).send(renderPage(<SignInFirstPage href={path} />))
}
