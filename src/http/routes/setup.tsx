import type { FastifyInstance, FastifyReply } from 'fastify'
import { useLink } from '../../admin/administrators.ts'
import { Problem } from '../../admin/problem.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { requireSameOrigin } from '../csrf.ts'
import { formOf } from '../form.ts'
import { allowPage } from '../security-headers.ts'
import { renderPage } from '../views/render.ts'
import { SetUpPage, SetupPage, type SetupPageProps } from '../views/setup.tsx'
import { text } from '../views/text.ts'

/** GET /setup is where a set-up link leads, POST /setup makes the account. The code is the proof: there is no session to protect. */
export function setupRoutes(app: FastifyInstance, tools: AdminTools, hasConsole: boolean): void {
  app.get('/setup', async (_request, reply) => sendForm(reply, {}))

  app.post('/setup', async (request, reply) => {
    requireSameOrigin(request, tools.issuer)
    const form = formOf(request)
    const [code = '', username = '', password = ''] = ['code', 'username', 'new_password'].map((name) => form.get(name))
    const shown = { code, username }
    if (password !== form.get('repeat_password'))
      return sendForm(reply.status(400), { ...shown, error: text.password.repeatDiffers, field: 'repeat-password' })
    try {
      await useLink({ code: code.trim(), username, password }, { ip: request.ip, requestId: request.id }, tools)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      request.log.info({ reason: error.message }, 'set-up refused')
      return sendForm(reply.status(400), { ...shown, ...saidOf(error) })
    }
    allowPage(reply)
    return reply.send(renderPage(<SetUpPage username={username} hasConsole={hasConsole} />))
  })
}

function saidOf({ type, path, detail }: Problem): Pick<SetupPageProps, 'error' | 'field'> {
  if (type === 'not_found') return { error: text.setup.badCode, field: 'code' }
  if (type === 'conflict') return { error: text.setup.taken, field: 'username' }
  const field = path?.[0] === 'password' ? 'new-password' : 'username'
  return { error: `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`, field }
}

function sendForm(reply: FastifyReply, props: SetupPageProps): FastifyReply {
  allowPage(reply, { script: 'setup' })
  return reply.send(renderPage(<SetupPage {...props} />))
}
