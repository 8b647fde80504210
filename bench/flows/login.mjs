import { header, headers } from '../driver/http-client.mjs'
import { expect, expectStatus } from './check.mjs'

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' // RFC 7636 appendix B
const hiddenField = /<input[^>]*type="hidden"[^>]*>/g

/**
 * A whole sign-in as a browser does it: authorization request, form, password, redirects, until the app has its code (RFC 6749 §4.1).
 * A state is a person with an address of their own.
 */
function work(target) {
  const { authorization } = target.paths
  const asked = new URLSearchParams({
    client_id: target.client.id,
    redirect_uri: target.client.redirectUri,
    response_type: 'code',
    scope: 'openid api:read',
    resource: target.resource,
    state: 'a-state-of-the-app',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  const base = new URL(target.issuer)
  return async (send, person) => {
    const cookies = new Map()
    const go = async (method, path, form) => {
      const answer = await send(headOf(method, path, { target, person, cookies, isForm: form !== undefined }), form)
      keepCookies(cookies, answer)
      return answer
    }
    const follow = async (answer) => {
      for (let at = answer; ; ) {
        expect(at.status === 302 || at.status === 303, 'no redirect', at)
        const location = new URL(header(at.head, 'location'), base)
        if (location.host !== base.host) return { location, answer: at }
        at = await go('GET', location.pathname + location.search)
        if (at.status === 200) return { location, answer: at }
      }
    }
    const shown = await follow(await go('GET', `${authorization}?${asked}`))
    expectStatus(shown.answer, 200)
    const { action, fields } = readForm(shown.answer)
    fields.set('username', person.username)
    fields.set('password', person.password)
    const { location, answer } = await follow(await go('POST', action, String(fields)))
    const isBack = location.href.startsWith(target.client.redirectUri)
    const { searchParams } = location
    expect(isBack && searchParams.has('code') && searchParams.get('state') === asked.get('state'), 'no code', answer)
    return { next: person }
  }
}

function headOf(method, path, { target, person, cookies, isForm }) {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${target.host}`,
    `X-Forwarded-For: ${person.address}`,
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
  ]
  if (cookie !== '') lines.push(`Cookie: ${cookie}`)
  if (isForm) lines.push(`Origin: ${target.issuer}`, 'Content-Type: application/x-www-form-urlencoded')
  return lines.join('\r\n')
}

function keepCookies(cookies, { head }) {
  for (const line of headers(head, 'set-cookie')) {
    const [pair] = line.split(';', 1)
    const at = pair.indexOf('=')
    if (at + 1 === pair.length || /expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(pair.slice(0, at))
    else cookies.set(pair.slice(0, at), pair.slice(at + 1))
  }
}

/** The first form of a page: where it goes and what it hides. */
function readForm(answer) {
  const [page] = answer.body.split('</form>', 1)
  const action = /<form[^>]*action="([^"]*)"/.exec(page)?.[1]
  expect(action !== undefined, 'no form', answer)
  const fields = new URLSearchParams()
  for (const [tag] of page.matchAll(hiddenField))
    fields.set(/name="([^"]*)"/.exec(tag)?.[1] ?? '', /value="([^"]*)"/.exec(tag)?.[1] ?? '')
  return { action, fields }
}

/** With passwords hashed as they are in production. */
export const login = { title: 'login, argon2id m=19456 t=2 p=1', states: 1000, work }

/** With the cheapest hash that argon2id knows, so that the rest shows. */
export const loginUnhashed = { title: 'login, hashing off (argon2id m=8 t=1 p=1)', states: 1000, work }
