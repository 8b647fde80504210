import { readFileSync } from 'node:fs'
import type { VNode } from 'preact'
import { describe, expect, it } from 'vitest'
import { identityScopes } from '../../../src/domain/scope.ts'
import { checkPassword } from '../../../src/domain/user-profile.ts'
import { ConsentPage } from '../../../src/http/views/consent.tsx'
import { ErrorPage, ExpiredPage } from '../../../src/http/views/error.tsx'
import { FormPostPage, formPostScript } from '../../../src/http/views/form-post.tsx'
import { IndexPage } from '../../../src/http/views/index.tsx'
import { LoginPage } from '../../../src/http/views/login.tsx'
import { LoggedOutPage, LogoutPage } from '../../../src/http/views/logout.tsx'
import { PasswordChangedPage, PasswordPage, SignInFirstPage } from '../../../src/http/views/password.tsx'
import { renderPage } from '../../../src/http/views/render.ts'
import { safeHref, safeLink } from '../../../src/http/views/safe-href.ts'
import { fill, scopeDescriptions, text } from '../../../src/http/views/text.ts'

/** Breaks out of text, of a double-quoted value, of a raw-text element, and carries what a careless template loses. */
const hostile =
  '"\'></textarea></title></script><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{client}\u2028'

const pages: Record<string, VNode> = {
  login: (
    <LoginPage
      clientName={hostile}
      clientUri={hostile}
      logoUri={hostile}
      handle={hostile}
      csrf={hostile}
      username={hostile}
      error={hostile}
    />
  ),
  'login while attempts are slowed down': <LoginPage clientName="Shop" handle="h" csrf="c" locked />,
  consent: (
    <ConsentPage
      clientName={hostile}
      clientUri={hostile}
      logoUri={hostile}
      policyUri={hostile}
      tosUri={hostile}
      username={hostile}
      handle={hostile}
      csrf={hostile}
      scopes={[{ name: hostile, description: hostile }]}
      offline
    />
  ),
  logout: (
    <LogoutPage
      csrf={hostile}
      username={hostile}
      clientName={hostile}
      clientId={hostile}
      postLogoutRedirectUri={hostile}
      state={hostile}
    />
  ),
  'logged out': <LoggedOutPage clientName={hostile} />,
  error: (
    <ErrorPage
      title={hostile}
      message={hostile}
      audience="developer"
      reference={hostile}
      detail={hostile}
      action={{ href: hostile, label: hostile }}
    />
  ),
  expired: <ExpiredPage clientName={hostile} href={hostile} />,
  index: (
    <IndexPage
      issuer={hostile}
      endpoints={[{ name: hostile, path: hostile, href: '/x' }]}
      development
      username={hostile}
    />
  ),
  password: <PasswordPage csrf={hostile} username={hostile} endsOthers error={hostile} field="new-password" />,
  'password changed': <PasswordChangedPage sessionsEnded={2} />,
  'sign in first': <SignInFirstPage href="/account/password" />,
}

/** The opening tag that has this id. */
function tag(html: string, id: string): string {
  return new RegExp(`<[a-z]+ [^>]*id="${id}"[^>]*>`).exec(html)?.[0] ?? `no element #${id}`
}

/** Every hidden field of the page by name, read back as an HTML parser does. */
function hiddenFields(html: string): Record<string, string> {
  // An empty attribute is written by its name alone.
  const inputs = html.matchAll(/<input type="hidden" name="([^"]*)" value(?:="([^"]*)")?\/>/g)
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [decode(name), decode(value)]))
}

function decode(value: string): string {
  return value.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&')
}

/** Markup without its attribute values, so that only real elements are left to find. */
function skeleton(html: string): string {
  return html.replaceAll(/="[^"]*"/g, '=""')
}

describe.each(Object.entries(pages))('the page %s', (_name, page) => {
  const html = renderPage(page)

  it('is a whole document in a language, for phones too', () => {
    expect(html).toMatch(/^<!doctype html><html lang="en"><head><meta charset="utf-8"\/><title>/)
    expect(html).toContain('<meta name="viewport" content="width=device-width, initial-scale=1"/>')
    expect(html).toContain('<link rel="stylesheet" href="/assets/style.css"/>')
    expect(html).toMatch(/<\/body><\/html>$/)
  })

  it('runs nothing and styles nothing inline, whatever its values say', () => {
    expect(skeleton(html)).not.toMatch(/<script|<style|<iframe|<object|\sstyle=|\son[a-z]+=""/i)
    expect(skeleton(html)).not.toContain('<img src=x')
    expect(html).not.toMatch(/(href|src|action)="(javascript|data):/i)
  })

  it('has one title, one heading and no id twice', () => {
    expect(html.match(/<title>/g)).toHaveLength(1)
    expect(html.match(/<h1>/g)).toHaveLength(1)
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    expect(ids).toEqual([...new Set(ids)])
  })
})

describe('the login page', () => {
  const props = { clientName: 'Shop', clientUri: 'https://shop.example/home', handle: 'tx-1', csrf: 'csrf-1' }

  it('posts the transaction, the CSRF token and the fields that password managers know', () => {
    const html = renderPage(<LoginPage {...props} />)
    expect(html).toContain('<form method="post" action="/login">')
    expect(hiddenFields(html)).toEqual({ tx: 'tx-1', csrf: 'csrf-1' })
    expect(tag(html, 'username')).toContain('name="username" type="text"')
    expect(tag(html, 'username')).toContain('autocomplete="username"')
    expect(tag(html, 'username')).toContain('autocapitalize="none"')
    expect(tag(html, 'username')).toContain('spellcheck="false"')
    expect(tag(html, 'password')).toContain('name="password" type="password" autocomplete="current-password"')
    expect(tag(html, 'submit')).toContain('type="submit"')
    expect(html).toContain('<label for="username">')
    expect(html).toContain('<label for="password">')
  })

  it('says which application the person signs in to, and on which host that lives', () => {
    const html = renderPage(<LoginPage {...props} />)
    expect(html).toContain('<bdi class="client-name">Shop</bdi>')
    expect(html).toContain('>shop.example</a>')
  })

  it('puts the cursor where typing begins, and nowhere else', () => {
    const fresh = renderPage(<LoginPage {...props} />)
    expect(tag(fresh, 'username')).toContain('autofocus')
    expect(tag(fresh, 'password')).not.toContain('autofocus')
    const again = renderPage(<LoginPage {...props} username="alice" error={text.login.wrong} />)
    expect(tag(again, 'username')).not.toContain('autofocus')
    expect(tag(again, 'username')).toContain('value="alice"')
    expect(tag(again, 'password')).toContain('autofocus')
  })

  it('never writes a password back', () => {
    expect(tag(renderPage(<LoginPage {...props} error="no" />), 'password')).not.toContain('value=')
  })

  it('has its error on top as an alert that both fields refer to, and in the title', () => {
    const html = renderPage(<LoginPage {...props} error={text.login.wrong} />)
    expect(tag(html, 'error')).toContain('role="alert"')
    expect(html.indexOf('id="error"')).toBeLessThan(html.indexOf('<form'))
    expect(html).toContain(text.login.wrong)
    expect(html).toContain(`<title>${text.login.errorTitle}`)
    for (const id of ['username', 'password']) expect(tag(html, id)).toContain('aria-describedby="error"')
    expect(renderPage(<LoginPage {...props} />)).not.toContain('id="error"')
  })

  it('keeps the form when attempts are slowed down, and blames no field', () => {
    const html = renderPage(<LoginPage {...props} locked />)
    expect(html).toContain(text.login.locked)
    expect(html).toContain('id="submit"')
    expect(html).not.toContain('aria-invalid')
  })

  it('cancels in a form without the password', () => {
    const forms = renderPage(<LoginPage {...props} />)
      .split('<form ')
      .slice(1)
    expect(forms).toHaveLength(2)
    expect(forms[1]).toContain('name="action" value="cancel"')
    expect(forms[1]).not.toContain('password')
    expect(hiddenFields(forms[1] ?? '')).toEqual({ tx: 'tx-1', csrf: 'csrf-1' })
  })
})

describe('the consent page', () => {
  const props = {
    clientName: 'Shop',
    username: 'alice',
    handle: 'tx-1',
    csrf: 'csrf-1',
    offline: false,
    scopes: [
      { name: 'openid', description: scopeDescriptions.openid ?? '' },
      { name: 'orders:read', description: '' },
    ],
  }

  it('posts a decision with the transaction and the CSRF token', () => {
    const html = renderPage(<ConsentPage {...props} />)
    expect(html).toContain('<form method="post" action="/consent">')
    expect(hiddenFields(html)).toEqual({ tx: 'tx-1', csrf: 'csrf-1' })
    expect(tag(html, 'approve')).toContain('name="decision" value="approve"')
    expect(tag(html, 'deny')).toContain('name="decision" value="deny"')
  })

  it('shows who is signed in, what is asked for, and a scope without a description by its name', () => {
    const html = renderPage(<ConsentPage {...props} />)
    expect(html).toContain('<bdi class="who">alice</bdi>')
    expect(html).toContain(text.consent.notYou)
    expect(html).toContain(`<span class="scope-words">${scopeDescriptions.openid}</span><code>openid</code>`)
    expect(html).toContain('<li><code>orders:read</code></li>')
  })

  it('warns when access outlives the session', () => {
    expect(renderPage(<ConsentPage {...props} />)).not.toContain(text.consent.offline)
    expect(renderPage(<ConsentPage {...props} offline />)).toContain(text.consent.offline)
  })

  it('shows the logo and links the documents of the application when they are http(s)', () => {
    const html = renderPage(
      <ConsentPage
        {...props}
        logoUri="https://shop.example/l.png"
        policyUri="https://shop.example/p"
        tosUri="javascript:alert(1)"
      />,
    )
    expect(html).toContain('<img src="https://shop.example/l.png" alt')
    expect(html).toContain('href="https://shop.example/p" target="_blank" rel="noopener noreferrer"')
    expect(html).not.toContain(text.consent.terms)
    expect(html).not.toContain('javascript:')
  })

  it('describes every scope that asks about a person or a standing grant', () => {
    expect(Object.keys(scopeDescriptions).sort()).toEqual([...identityScopes].sort())
  })
})

describe('the logout page', () => {
  it('carries on exactly what it was given', () => {
    const html = renderPage(
      <LogoutPage csrf="c" clientId="shop" postLogoutRedirectUri="https://a.example/?x=1&y=2" state={hostile} />,
    )
    expect(html).toContain('<form method="post" action="/logout/confirm">')
    expect(tag(html, 'confirm-logout')).toContain('type="submit"')
    expect(hiddenFields(html)).toEqual({
      csrf: 'c',
      client_id: 'shop',
      post_logout_redirect_uri: 'https://a.example/?x=1&y=2',
      state: hostile,
    })
    expect(hiddenFields(renderPage(<LogoutPage csrf="c" />))).toEqual({ csrf: 'c' })
  })

  it('offers to stay signed in', () => {
    expect(renderPage(<LogoutPage csrf="c" />)).toContain('href="/">Stay signed in</a>')
  })
})

describe('the password page', () => {
  const props = { csrf: 'csrf-1', username: 'alice', endsOthers: true }
  const fields = ['current-password', 'new-password', 'repeat-password']

  it('posts the CSRF token, the passwords as password managers know them, and a ticked box', () => {
    const html = renderPage(<PasswordPage {...props} />)
    expect(html).toContain('<form method="post" action="/account/password">')
    expect(hiddenFields(html)).toEqual({ csrf: 'csrf-1' })
    expect(tag(html, 'current-password')).toContain(
      'name="current_password" type="password" autocomplete="current-password"',
    )
    expect(tag(html, 'new-password')).toContain('name="new_password" type="password" autocomplete="new-password"')
    expect(tag(html, 'repeat-password')).toContain('name="repeat_password" type="password" autocomplete="new-password"')
    expect(tag(html, 'sign-out-others')).toContain('name="sign_out_others" type="checkbox" value="on" checked')
    for (const id of [...fields, 'sign-out-others']) expect(html).toMatch(new RegExp(`<label [^>]*for="${id}"`))
    expect(tag(renderPage(<PasswordPage {...props} endsOthers={false} />), 'sign-out-others')).not.toContain('checked')
  })

  it('tells a password manager whose entry it is, and sends no name', () => {
    const input = /<input[^>]*autocomplete="username"[^>]*>/.exec(renderPage(<PasswordPage {...props} />))?.[0]
    expect(input).toContain('value="alice"')
    expect(input).toContain('tabindex="-1"')
    expect(input).not.toContain('name=')
  })

  it('blames the field that is wrong, or none, and never writes a password back', () => {
    for (const field of [...fields, undefined] as ('new-password' | undefined)[]) {
      const html = renderPage(<PasswordPage {...props} error="no" field={field} />)
      expect(tag(html, 'error')).toContain('role="alert"')
      const blamed = fields.filter((id) => /aria-invalid="true" aria-describedby="error/.test(tag(html, id)))
      expect(blamed).toEqual(field === undefined ? [] : [field])
      for (const id of fields) expect(tag(html, id)).not.toContain('value=')
    }
  })

  it('says beforehand how long the new one has to be, as the rule has it', () => {
    const least = Number(/\d+/.exec(text.password.hint)?.[0])
    expect(checkPassword('x'.repeat(least))).toBeUndefined()
    expect(checkPassword('x'.repeat(least - 1))).toBeDefined()
    expect(tag(renderPage(<PasswordPage {...props} />), 'new-password')).toContain(
      'aria-describedby="new-password-hint"',
    )
  })

  it.each([
    [undefined, text.passwordChanged.othersStay],
    [0, text.passwordChanged.nowhere],
    [1, text.passwordChanged.once],
    [7, 'in 7 other places'],
  ])('says afterwards what was signed out: %s', (sessionsEnded, words) => {
    expect(renderPage(<PasswordChangedPage sessionsEnded={sessionsEnded} />)).toContain(words)
  })
})

describe('the error page', () => {
  const props = { title: 'Stop', message: 'It is not registered.', reference: 'ref-1' }

  it('says what happened, who can fix it, and a reference', () => {
    const developer = renderPage(<ErrorPage {...props} audience="developer" />)
    expect(tag(developer, 'error')).toContain('role="alert"')
    expect(developer).toContain(props.message)
    expect(developer).toContain(text.error.developer)
    expect(developer).toContain('<code id="reference">ref-1</code>')
    expect(developer).not.toContain('<pre>')
    expect(renderPage(<ErrorPage {...props} audience="user" />)).toContain(text.error.user)
  })

  it('links only to this server or to http(s)', () => {
    const linked = (href: string) =>
      renderPage(<ErrorPage {...props} audience="user" action={{ href, label: 'Go' }} />).includes('>Go</a>')
    expect(linked('/')).toBe(true)
    expect(linked('https://shop.example/')).toBe(true)
    expect(linked('javascript:alert(1)')).toBe(false)
    expect(linked('//evil.example')).toBe(false)
  })

  it('tells a person whose page has expired where to start again', () => {
    const html = renderPage(<ExpiredPage clientName="Shop" href="https://shop.example/" />)
    expect(html).toContain('<bdi>Shop</bdi>')
    expect(html).toContain('href="https://shop.example/"')
  })
})

describe('OAuth 2.0 Form Post Response Mode §2', () => {
  const page = (value: string) =>
    renderPage(<FormPostPage action="https://shop.example/cb?a=1&b=2" fields={{ code: 'abc', state: value }} />)

  it.each([
    hostile,
    '</textarea>',
    '"><script>alert(1)</script>',
    "'",
    '\nleading newline',
    ' spaces at both ends ',
    '\u2028\u2029',
    '&quot;&lt;&amp;amp;&#10;',
    '',
    '😀é',
  ])('a state %j comes back byte for byte and makes no element', (value) => {
    const html = page(value)
    expect(hiddenFields(html)).toEqual({ code: 'abc', state: value })
    expect(skeleton(html).match(/<input/g)).toHaveLength(2)
    expect(skeleton(html).match(/<script/g)).toHaveLength(1)
  })

  it('posts to the redirect URI with a button for those without scripts', () => {
    const html = page('s')
    expect(html).toContain('<form method="post" action="https://shop.example/cb?a=1&amp;b=2">')
    expect(tag(html, 'submit')).toContain('type="submit"')
  })

  it('holds one script, exactly the line whose hash the policy allows', () => {
    expect([...page('s').matchAll(/<script>(.*?)<\/script>/gs)].map(([, body]) => body)).toEqual([formPostScript])
  })

  it.each(['javascript:alert(1)', 'data:text/html,x', 'com.example.app:/cb', '/relative'])(
    'refuses to post to %s',
    (action) => {
      expect(() => renderPage(<FormPostPage action={action} fields={{}} />)).toThrow(TypeError)
    },
  )
})

describe('links from client metadata', () => {
  it.each(['https://a.example/', 'http://127.0.0.1:4000/x'])('%s is linked', (href) => {
    expect(safeHref(href)).toBe(href)
  })

  it.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>',
    'vbscript:x',
    'file:///etc/passwd',
    'com.example:/x',
    '//a.example',
    '/path',
    'https://bank.example@evil.example/',
    '',
    undefined,
  ])('%j is not', (href) => {
    expect(safeHref(href)).toBeUndefined()
  })

  it.each(['//evil.example', '/\\evil.example', '/\t/evil.example', 'javascript:x'])(
    '%j is no path of this server',
    (href) => {
      expect(safeLink(href)).toBeUndefined()
    },
  )
})

describe('the catalogue', () => {
  it('fills in names once, also where a name looks like a place for one', () => {
    expect(fill('{client} asks {other}', { client: '{other}$&' })).toBe('{other}$& asks {other}')
  })
})

describe('the mark', () => {
  it('is the same wing in the icon as on the pages', () => {
    const icon = readFileSync(new URL('../../../src/http/views/icon.svg', import.meta.url), 'utf8')
    const shapes = (svg: string) => [...svg.matchAll(/ d="([^"]+)"/g)].map(([, d]) => d)
    expect(shapes(icon)).toEqual(shapes(renderPage(<LoggedOutPage />)).slice(0, 3))
  })
})
