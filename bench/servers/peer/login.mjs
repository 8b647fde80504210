// The least that oidc-provider needs to sign a person in: a form, one read of the user, argon2id.
import argon2 from 'argon2'

/** GET shows the form of an interaction, POST checks the password and goes on. */
export function loginPages(provider, query) {
  const signIn = async (ctx, uid) => {
    const form = new URLSearchParams(await readBody(ctx.req))
    const [user] = await query('user', [form.get('username')])
    const isRight = user && (await argon2.verify(user.password_hash, form.get('password') ?? ''))
    if (!isRight) return showForm(ctx, uid, 401)
    ctx.respond = false
    return provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: user.id } })
  }
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next()
    const { uid } = await provider.interactionDetails(ctx.req, ctx.res)
    return ctx.method === 'GET' ? showForm(ctx, uid) : signIn(ctx, uid)
  }
}

function showForm(ctx, uid, status = 200) {
  ctx.status = status
  ctx.type = 'html'
  ctx.body = `<!doctype html><html lang="en"><title>Sign in</title><form method="post" action="/interaction/${uid}">
<label>User name <input name="username"></label><label>Password <input name="password" type="password"></label><button>Sign in</button></form></html>`
}

async function readBody(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
