import { describe, expect, it } from 'vitest'
import { checkRedirectUri, originOf, redirectUriMatches } from '../../../src/domain/redirect-uri.ts'

const web = 'https://app.example.com/cb?tenant=1'
const loopback = 'http://127.0.0.1:4000/cb'

/** What has got past some server's comparison before: every mutant must differ from the registered URI it starts from. */
function mutantsOf(registered: string): string[] {
  const { protocol, host, hostname, pathname, search } = new URL(registered)
  const scheme = `${protocol}//`
  const rest = `${pathname}${search}`
  const at = (authority: string, tail = rest) => `${scheme}${authority}${tail}`
  const evil = 'evil.example'
  return [
    // scheme
    ...['HTTPS', 'Https', 'hTTp', 'javascript', 'JaVaScRiPt', 'data', 'vbscript', 'file', 'blob', 'ftp', 'ws'].map(
      (other) => `${other}://${host}${rest}`,
    ),
    ...['javascript:alert(1)//', 'data:text/html,', 'view-source:', 'blob:', '\t', '\n', '\r', ' ', '\0', '\ufeff'].map(
      (before) => `${before}${registered}`,
    ),
    `//${host}${rest}`,
    `${protocol}${host}${rest}`,
    `${protocol}/${host}${rest}`,
    `${protocol}///${host}${rest}`,
    `${protocol}\\\\${host}${rest}`,
    `java\nscript://${host}${rest}`,
    // user information
    ...[`${host}@${evil}`, `${evil}@${host}`, `${host}@@${evil}`, `${host}@@@${evil}`, `a@b@${host}`, `@${host}`].map(
      (authority) => at(authority),
    ),
    ...[`:@${host}`, `${evil}:80@${host}`, `${host}:x@${evil}`, `${host}%40${evil}`, `${evil}%40${host}`].map(
      (authority) => at(authority),
    ),
    // where the host ends
    ...[
      '\\',
      '%5c',
      '%2f',
      '%00',
      '\0',
      '\t',
      '\n',
      '\r',
      '\r\n',
      ' ',
      '%20',
      '%09',
      ';',
      ',',
      '&',
      '?',
      '#',
      '%23',
    ].flatMap((cut) => [at(`${evil}${cut}${host}`), at(`${evil}${cut}@${host}`), at(`${host}${cut}.${evil}`)]),
    // neighbours of the host
    ...[`${host}.${evil}`, `${hostname}.${evil}`, `x${host}`, `x.${host}`, `${evil}-${host}`, `${hostname}.`].map(
      (authority) => at(authority),
    ),
    ...[host.replace('.', 'x'), host.toUpperCase(), host.slice(1), `${hostname}*`, `*.${hostname}`].map((authority) =>
      at(authority),
    ),
    ...['аpp.example.com', 'xn--pp-7kc.example.com', 'app。example.com', 'ａpp.example.com', 'app.exämple.com'].map(
      (other) => at(other),
    ),
    // other ways to write an address
    ...['localhost', 'localhost.evil.example', '127.0.0.1.evil.example', '127.1', '127.0.1', '0', '0.0.0.0'].map(
      (other) => at(`${other}:4000`),
    ),
    ...['2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '127.0.0.2', '127.0.0.01', '１27.0.0.1', '[::]'].map(
      (other) => at(`${other}:4000`),
    ),
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:0:0:1]', '[::01]', '[::1%25lo]', '::1', '[::1'].map(
      (other) => at(`${other}:4000`),
    ),
    // port
    ...[
      ':0443',
      ':00',
      ':0',
      ':65536',
      ':99999',
      ':999999',
      ':-1',
      ':+1',
      ':1e3',
      ':0x50',
      ':',
      '::80',
      ':80:80',
      ':８0',
    ].map((port) => at(`${hostname}${port}`)),
    ...[':4000@evil.example', ':4000.evil.example', ':4000\\evil.example', ':4000;evil', ':4000%2f', ':40 00'].map(
      (port) => at(`${hostname}${port}`),
    ),
    // path
    ...[
      '/..;/',
      '/../',
      '/./',
      '/%2e%2e/',
      '/.%2e/',
      '/%2E./',
      '/..%2f',
      '/..%5c',
      '//',
      '/\\',
      '/;/',
      '/%00',
      '/%0d%0a',
    ].flatMap((inserted) => [
      at(host, `${pathname}${inserted}evil${search}`),
      at(host, `${inserted}${pathname.slice(1)}${search}`),
    ]),
    ...[
      pathname.toUpperCase(),
      `${pathname}/`,
      pathname.slice(0, -1),
      `${pathname}x`,
      '',
      '/',
      '/%63b',
      `${pathname}%20`,
    ].map((path) => at(host, `${path}${search}`)),
    at(host, `${pathname}${'/a'.repeat(5000)}${search}`),
    // query and fragment
    ...[
      '?',
      '?x=1',
      '&x=1',
      '#',
      '#x',
      '#@evil.example',
      '?#',
      '%23',
      '&tenant=2',
      ';x',
      ' ',
      '\t',
      '\0',
      '\n',
      '%0a',
      '\u2028',
    ].map((after) => `${registered}${after}`),
    `${registered},${registered}`,
    `${registered} ${registered}`,
    `["${registered}"]`,
    '',
    'http://',
    '::',
    '%',
    '\ud800',
    'null',
    'undefined',
    'about:blank',
    '/cb',
    'cb',
  ]
}

describe.each([
  ['web', web],
  ['web', loopback],
  ['native', web],
  ['native', loopback],
  ['native', 'http://[::1]:4000/cb'],
  ['native', 'com.example.app://host/cb'],
] as const)('a %s client that registered %s', (applicationType, registered) => {
  const mutants = mutantsOf(registered).filter((mutant) => mutant !== registered)

  it('is sent there', () => {
    expect(redirectUriMatches(registered, ['https://other.example/cb', registered], applicationType)).toBe(true)
  })

  it('is sent to none of its hostile neighbours', () => {
    expect(new Set(mutants).size).toBeGreaterThanOrEqual(120)
    expect(mutants.filter((mutant) => redirectUriMatches(mutant, [registered], applicationType))).toEqual([])
  })

  it('is sent nowhere when nothing is registered', () => {
    expect(redirectUriMatches(registered, [], applicationType)).toBe(false)
    expect(redirectUriMatches('', [], applicationType)).toBe(false)
  })
})

describe('the loopback exception (RFC 8252 §7.3)', () => {
  const ports = [':1', ':80', ':5173', ':65535', '']

  it.each(ports)('lets a native client come back on port "%s" of an IP literal', (port) => {
    expect(redirectUriMatches(`http://127.0.0.1${port}/cb`, [loopback], 'native')).toBe(true)
    expect(redirectUriMatches(`http://[::1]${port}/cb?x=1`, ['http://[::1]/cb?x=1'], 'native')).toBe(true)
  })

  it.each(ports)('is not for web clients (port "%s")', (port) => {
    expect(redirectUriMatches(`http://127.0.0.1${port}/cb`, [loopback], 'web')).toBe(false)
  })

  it('is not for the name localhost, for https or for the other address', () => {
    expect(redirectUriMatches('http://localhost:5/cb', ['http://localhost:4/cb'], 'native')).toBe(false)
    expect(redirectUriMatches('https://127.0.0.1:5/cb', ['https://127.0.0.1:4/cb'], 'native')).toBe(false)
    expect(redirectUriMatches('http://[::1]:4000/cb', [loopback], 'native')).toBe(false)
  })

  it.each([
    ['http://127a0b0c1:4000/cb', 'http://127a0b0c1:5/cb'],
    ['http://127.0.0.1@evil.example/cb', 'http://127.0.0.1:5@evil.example/cb'],
    ['http://127.0.0.1.evil.example/cb', 'http://127.0.0.1:5.evil.example/cb'],
    ['http://[::1]\\evil.example/cb', 'http://[::1]:5\\evil.example/cb'],
  ])('does nothing for %s, had it ever been registered', (registered, presented) => {
    expect(redirectUriMatches(presented, [registered], 'native')).toBe(false)
  })

  it('frees the port and nothing else', () => {
    const registered = ['http://127.0.0.1/cb?x=1']
    for (const tail of ['/cb', '/cb?x=2', '/cb?x=1&y', '/CB?x=1', '/cb/?x=1', '/cb?x=1#', '//cb?x=1', '?x=1', ''])
      expect(redirectUriMatches(`http://127.0.0.1:5${tail}`, registered, 'native'), tail).toBe(false)
    expect(redirectUriMatches('http://127.0.0.1:5?x', ['http://127.0.0.1?x'], 'native')).toBe(true)
    expect(redirectUriMatches('http://127.0.0.1:5', ['http://127.0.0.1'], 'native')).toBe(true)
    expect(redirectUriMatches('http://127.0.0.1:5/', ['http://127.0.0.1'], 'native')).toBe(false)
  })
})

describe('a registered value is text, not a pattern (keycloak#48430)', () => {
  it.each([
    ['https://foo.example.com/cb', 'https://fooaexample.com/cb'],
    ['https://app.example.com*', 'https://app.example.com.evil'],
    ['https://*.example.com/cb', 'https://a.example.com/cb'],
    ['https://.*', 'https://evil.example'],
    ['', 'https://evil.example'],
  ])('%s does not match %s', (registered, presented) => {
    expect(redirectUriMatches(presented, [registered], 'native')).toBe(false)
  })
})

describe('registration', () => {
  it.each([
    ['https://app.example.com/cb', 'web'],
    ['https://app.example.com', 'web'],
    ['https://app.example.com:8443/cb?x=1&y=%20', 'web'],
    ['https://xn--bcher-kva.example/cb', 'web'],
    ['https://[2001:db8::1]/cb', 'web'],
    ['https://app.example.com/@user/cb', 'web'],
    ['http://localhost:3000/cb', 'web'],
    ['http://127.0.0.1/cb', 'web'],
    ['http://[::1]:4000/cb', 'native'],
    ['com.example.app:/cb', 'native'],
    ['com.example.app://host/cb', 'native'],
    ['https://app.example.com/cb', 'native'],
  ] as const)('takes %s for %s', (uri, applicationType) => {
    expect(checkRedirectUri(uri, applicationType)).toBeUndefined()
    expect(redirectUriMatches(uri, [uri], applicationType)).toBe(true)
    expect(originOf(uri)).not.toBe('')
  })

  const hostile = [
    ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'JAVASCRIPT://app.example.com/%0aalert(1)'],
    ['java\tscript:alert(1)'],
    [' javascript:alert(1)', '\tjavascript:alert(1)', '\njavascript:alert(1)', 'data:text/html,x', 'DATA:,x'],
    ['DaTa:;,x'],
    ['vbscript:x', 'file:///etc/passwd', 'blob:https://app.example.com/1', 'about:blank', 'ftp://a.example/'],
    ['ws://a/'],
    ['mailto:a@b.example', 'tel:1', 'filesystem:https://a.example/x', 'view-source:https://a.example/'],
    ['', '/', '/cb', 'cb', '//app.example.com/cb', '?x', '#', ':', '::', '%', 'http://', 'https://', 'https:///cb'],
    ['https:/a.b/c'],
    ['https:a.example/cb', 'https:\\\\a.example/cb', 'https://a.example\\@evil.example/', 'https://?x'],
    ['https://:443/cb'],
    ['https://a.example/cb#', 'https://a.example/cb#x', 'https://a.example#', 'https://a.example/cb?#'],
    ['https://u@a.example/cb', 'https://u:p@a.example/cb', 'https://@a.example/', 'https://a.example@@evil.example/'],
    ['https://*.example.com/cb', 'https://a.example/*', 'https://a.example*', 'https://a.example/cb?x=*', '*'],
    ['https://a.example/ cb', 'https://a.example/\tcb', 'https://a.example/cb\n', 'https://a.example/\0', '\ud800'],
    ['https://ä.example/cb', 'https://a.example/ä', 'https://a。example/', 'https://а.example/'],
    ['https://a.example/\u202e'],
    ['https://a.example/<script>', 'https://a.example/"', 'https://a.example/{x}', 'https://a.example/|'],
    ['https://a.example/^`'],
    ['https://a.example/%', 'https://a.example/%zz', 'https://a.example/%2', 'https://a.example/%00'],
    ['https://a.example/%0d%0a'],
    ['https://a.example/../cb', 'https://a.example/..;/cb', 'https://a.example/%2e%2e/cb', 'https://a.example/.%2E'],
    ['https://a.example/./'],
    ['https://a.example:0443/cb', 'https://a.example:0/cb', 'https://a.example:/cb', 'https://a.example:65536/'],
    ['https://a.example:x/'],
    ['https://127.1/cb', 'https://2130706433/cb', 'https://0x7f.1/cb', 'https://0177.0.0.1/'],
    ['https://[::ffff:127.0.0.1]/', 'https://0/'],
    ["https://a.example;script-src 'x'/", 'https://a.example;b/', 'https://a.example,b/', "https://'a'.example/"],
    ['https://a$b.example/'],
    ['http://app.example.com/cb', 'http://localhost.evil.example/', 'http://127.0.0.1.evil.example/'],
    ['http://127.0.0.2/'],
    ['http://LOCALHOST/cb', 'http://localhost./cb', 'http://0.0.0.0/cb', 'http://[::]/', 'http://10.0.0.1/cb'],
    ['http://[::1/'],
    ['myapp:/cb', 'myapp://cb', 'com.example.app:', 'com.example.app:cb', 'com.example.app://u@h/cb'],
    ['1com.example:/cb', '.a:/'],
    [`https://a.example/${'a'.repeat(2048)}`, 'https://a.example/cb https://b.example/cb'],
    ['["https://a.example/cb"]'],
  ].flat()

  it.each(hostile)('refuses %j for anybody', (uri) => {
    expect(checkRedirectUri(uri, 'web')).toMatch(/^must /)
    expect(checkRedirectUri(uri, 'native')).toMatch(/^must /)
  })

  it.each(['com.example.app:/cb', 'com.example.app://host/cb'])('refuses %s for a web application', (uri) => {
    expect(checkRedirectUri(uri, 'web')).toMatch(/^must use https/)
  })

  it('refuses or sees through every hostile neighbour: what it takes goes to the host that it shows', () => {
    for (const uri of mutantsOf(web).filter((mutant) => checkRedirectUri(mutant, 'web') === undefined))
      expect(uri.slice('https://'.length).split(/[/?]/)[0]?.toLowerCase(), uri).toBe(
        `${new URL(uri).hostname}${/:\d+(?=[/?])/.exec(uri)?.[0] ?? ''}`,
      )
  })

  it('says why without repeating the value', () => {
    expect(checkRedirectUri('https://secret@a.example/', 'web')).not.toContain('secret')
  })
})

describe('what form-action must allow', () => {
  it.each([
    ['https://app.example.com/cb?x=1', 'https://app.example.com'],
    ['https://app.example.com:443/cb', 'https://app.example.com'],
    ['https://app.example.com:8443/cb', 'https://app.example.com:8443'],
    ['http://127.0.0.1:4000/cb', 'http://127.0.0.1:4000'],
    ['http://localhost/cb', 'http://localhost'],
    ['http://[::1]:4000/cb', 'http:'],
    ['https://[2001:db8::1]/cb', 'https:'],
    ['com.example.app:/cb', 'com.example.app:'],
    ['com.example.app://host/cb', 'com.example.app:'],
  ])('for %s is %s', (uri, source) => {
    expect(originOf(uri)).toBe(source)
  })

  it.each(["https://a;script-src 'unsafe-inline'/", 'https://a.example;x/', 'https://a,b/', 'not a uri'])(
    'is never written for %s',
    (uri) => {
      expect(() => originOf(uri)).toThrow()
    },
  )
})
