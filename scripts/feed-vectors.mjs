// Makes docs/revocation-feed-vectors.json, by which a reader of the feed in any language is checked. What is expected is written here by
// hand, from docs/revocation-feed.md, not computed by our own reader. Format the file afterwards: `npx biome format --write docs`.
// `--check`: it is what this script makes, but for the signatures.
import { createHmac, createPrivateKey, sign } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../docs/revocation-feed-vectors.json', import.meta.url)
const issuer = 'https://login.example.com'
const feedKey = Buffer.from(Array.from({ length: 32 }, (_, i) => i + 1))

// Test keys, known to everybody.
const keys = {
  'test-es256': {
    alg: 'ES256',
    kty: 'EC',
    x: 'sggZCAk3BMuAIgA_opn7iERQJgeubgTA3ESh3EtzyWw',
    y: 'grYJgB8haUAn0OgrlKyBUFgkjyiUxbhnDESeTiM33MQ',
    crv: 'P-256',
    d: 'MtfzrCZVP1WPwrIdNisAunVIWRDBVCPO17pWVOdO-Q0',
  },
  'test-eddsa': {
    alg: 'EdDSA',
    crv: 'Ed25519',
    d: '1faXLks8N-XSHf4sZ48wLlbKtTecYcuJHZ4YGCTHAyc',
    x: 'WiQnyIS8-2ZIycTE4qU3wUVTRzQRrCeu4_z9kCS05SM',
    kty: 'OKP',
  },
}
const stranger = {
  kty: 'EC',
  x: 'b0TCwcdKZ1LFuNhd4usF-Kp8C_AKJCgmms94XyPnfoE',
  y: 'uwVauR91NL_EZPO2xbG9B9zHvMY-8VP5jtkZKcV1FN4',
  crv: 'P-256',
  d: 'QJ_k19QI7_uzcJs8YSNgy_zLl_Uex-BbF66EGA4Qjv8',
}

const description = [
  'Vectors for readers of the revocation feed (docs/revocation-feed.md). All keys are test keys.',
  'keys: tail of each uuid, base64url, is what stands in an entry of kind s, g or j; hash is what stands in one of kind u, c or k for that id under feed_key (base64url).',
  'signatures: body is exactly what came, as text; signature is the detached JWS that came with it. Valid only if jwks has the key, typ is revfeed+jws and iss is issuer.',
  'match: put entries into an empty set under feed_key, then judge a token with this header and these claims, whose signature, iss, aud and exp are right at now. expect: accepted, revoked, or invalid (refused whatever the feed says).',
  'frames: begin with a new verifier whose bound of staleness is max_staleness seconds. Each step is at an instant of its monotonic clock (at, milliseconds) and of its wall clock (wall, milliseconds since 1970). A step with frame receives that frame: it answers the request that was sent at the monotonic instant sent, and clock is what the instance `in` said its clock was when that request arrived. A step with forget lets go of every entry that may be forgotten. Afterwards expect: outcome of the frame (applied, gap: begin again from the cursor, epoch: begin again with a snapshot), cursor (null: forgotten), fresh, and how many entries are held.',
]

const uuids = [
  '0190a6b8-5c3e-7f21-8a4d-1f2e3d4c5b6a',
  '0190A6B8-5C3E-7F21-BFFF-FFFFFFFFFFFF',
  '00000000-0000-7000-8000-000000000000',
]
const hashed = [
  ['u', '0190a6b8-5c3e-7f21-8a4d-1f2e3d4c5b6a'],
  ['u', 'alice'],
  ['c', 'alice'],
  ['c', 'shop-frontend'],
  ['k', 'test-es256'],
  ['u', 'Zoë · 名前'],
]
const tail = (uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex').subarray(8).toString('base64url')
const hash = (kind, id) =>
  createHmac('sha256', feedKey)
    .update(kind + id)
    .digest()
    .subarray(0, 8)
    .toString('base64url')

/* ---------------------------------------------------------------- signatures */

const json64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
function detached(header, body, jwk) {
  const head = json64(header)
  const input = Buffer.from(`${head}.${Buffer.from(body).toString('base64url')}`)
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  const signature =
    jwk.kty === 'EC' ? sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' }) : sign(null, input, key)
  return `${head}..${signature.toString('base64url')}`
}

function signatures() {
  const { alg: _, ...ec } = keys['test-es256']
  const { alg: __, ...ed } = keys['test-eddsa']
  const header = { alg: 'ES256', typ: 'revfeed+jws', kid: 'test-es256' }
  const frame = { iss: issuer, ep: '8b52e7c1', in: 'q3VxTt2f', from: 0, to: 2, a: 8812.5, asof: 1795222861.412 }
  const body = JSON.stringify({ ...frame, e: [[2, 's', tail(uuids[0]), 1795226581]] })
  const good = detached(header, body, ec)
  const [head, , tail64] = good.split('.')
  const foreign = JSON.stringify({ ...frame, iss: 'https://login.example.org' })
  const eddsa = { alg: 'EdDSA', typ: 'revfeed+jws', kid: 'test-eddsa' }
  const publicText = JSON.stringify({ kty: ec.kty, crv: ec.crv, x: ec.x, y: ec.y })
  const hmacHead = json64({ ...header, alg: 'HS256' })
  const hmacInput = `${hmacHead}.${Buffer.from(body).toString('base64url')}`
  const altered = (text, at) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
  return [
    ['ES256', body, good, true],
    ['EdDSA', body, detached(eddsa, body, ed), true],
    ['a body with other characters than ASCII', JSON.stringify({ ...frame, note: 'é 名' }), null, true],
    ['typ of an access token', body, detached({ ...header, typ: 'at+jwt' }, body, ec), false],
    ['no typ', body, detached({ alg: 'ES256', kid: 'test-es256' }, body, ec), false],
    ['another issuer', foreign, detached(header, foreign, ec), false],
    ['a body that was altered', body.replace('"to":2', '"to":3'), good, false],
    ['the same JSON, written otherwise', body.replace('{"iss"', '{ "iss"'), good, false],
    ['a signature that was altered', body, `${head}..${altered(tail64, 20)}`, false],
    ['half a signature', body, `${head}..${tail64.slice(0, 43)}`, false],
    ['no signature', body, `${head}..`, false],
    ['alg none', body, `${json64({ ...header, alg: 'none' })}..`, false],
    ['alg none, with a signature', body, `${json64({ ...header, alg: 'none' })}..${tail64}`, false],
    [
      'alg HS256, keyed with the public key',
      body,
      `${hmacHead}..${createHmac('sha256', publicText).update(hmacInput).digest('base64url')}`,
      false,
    ],
    ['alg of another kind of key', body, detached({ ...eddsa, kid: 'test-es256' }, body, ed), false],
    ['an unknown kid', body, detached({ ...header, kid: 'nobody' }, body, stranger), false],
    ['a known kid, signed by somebody else', body, detached(header, body, stranger), false],
    ['no kid', body, detached({ alg: 'ES256', typ: 'revfeed+jws' }, body, ec), false],
    [
      'a key that it brings along',
      body,
      detached(
        { ...header, kid: 'own', jwk: { kty: 'EC', crv: 'P-256', x: stranger.x, y: stranger.y } },
        body,
        stranger,
      ),
      false,
    ],
    ['not detached', body, `${head}.${Buffer.from(body).toString('base64url')}.${tail64}`, false],
    ['a critical extension', body, detached({ ...header, crit: ['exp'], exp: 1 }, body, ec), false],
    ['not JSON', 'revocations', detached(header, 'revocations', ec), false],
  ].map(([name, text, signature, valid]) => ({
    name,
    body: text,
    signature: signature ?? detached(header, text, ec),
    valid,
  }))
}

/* ---------------------------------------------------------------- match */

const now = 1795222900
const until = now + 3720
const [sid, gid, jti] = [
  '0190a6b8-0001-7000-8000-00000000a001',
  '0190a6b8-0002-7000-8000-00000000a002',
  '0190a6b8-0003-7000-8000-00000000a003',
]
const other = '0190a6b8-0009-7000-8000-00000000a009'
const user = '0190a6b8-0004-7000-8000-00000000a004'
const header = { alg: 'ES256', typ: 'at+jwt', kid: 'test-es256' }
const claims = {
  iss: issuer,
  aud: 'https://api.example.com',
  exp: now + 300,
  iat: now - 60,
  auth_time: now - 600,
  sub: user,
  client_id: 'shop-frontend',
  sid,
  gid,
  jti,
  rvp: 100,
}
const without = (...names) => Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))
const zeros = 'AAAAAAAAAAA'
const kinds = [
  ['s', tail(sid), tail(other), 'session'],
  ['g', tail(gid), tail(other), 'grant'],
  ['u', hash('u', user), hash('u', other), 'user'],
  ['c', hash('c', 'shop-frontend'), hash('c', 'shop-backend'), 'client'],
  ['a', zeros, undefined, 'everything'],
]

const match = () =>
  [
    ['nothing was ended', [], claims, 'accepted'],
    ...kinds.flatMap(([kind, own, foreign, what]) => [
      [`${what}: ended after the token was minted`, [[101, kind, own, until]], claims, 'revoked'],
      [`${what}: ended at the position of the token`, [[100, kind, own, until]], claims, 'accepted'],
      [`${what}: ended before the token was minted`, [[99, kind, own, until]], claims, 'accepted'],
      ...(foreign ? [[`another ${what}`, [[101, kind, foreign, until]], claims, 'accepted']] : []),
      [`${what}: not-before after the login`, [[50, kind, own, until, now - 599]], claims, 'revoked'],
      [`${what}: not-before at the login`, [[200, kind, own, until, now - 600]], claims, 'accepted'],
      [`${what}: not-before before the login`, [[200, kind, own, until, now - 601]], claims, 'accepted'],
      [
        `${what}: not-before, a token without auth_time issued before it`,
        [[50, kind, own, until, now - 59]],
        without('auth_time'),
        'revoked',
      ],
      [
        `${what}: not-before, a token without auth_time issued then`,
        [[200, kind, own, until, now - 60]],
        without('auth_time'),
        'accepted',
      ],
      [
        `${what}: two entries, the later one has a not-before that spares the token`,
        [
          [101, kind, own, until],
          [102, kind, own, until, now - 700],
        ],
        claims,
        'revoked',
      ],
      [
        `${what}: two entries, only the not-before strikes`,
        [
          [99, kind, own, until],
          [98, kind, own, until, now - 500],
        ],
        claims,
        'revoked',
      ],
      [
        `${what}: an older entry after a newer one`,
        [
          [101, kind, own, until],
          [90, kind, own, until],
        ],
        claims,
        'revoked',
      ],
    ]),
    ['one token: after it was minted', [[101, 'j', tail(jti), until]], claims, 'revoked'],
    ['one token: whatever its rvp', [[1, 'j', tail(jti), until]], claims, 'revoked'],
    ['another token', [[101, 'j', tail(other), until]], claims, 'accepted'],
    ['signing key: whatever the rvp', [[1, 'k', hash('k', 'test-es256'), until]], claims, 'revoked'],
    ['another signing key', [[101, 'k', hash('k', 'test-eddsa'), until]], claims, 'accepted'],
    ['the key of a session under the kind of a grant', [[101, 'g', tail(sid), until]], claims, 'accepted'],
    [
      'the hash of a client under the kind of a user',
      [[101, 'u', hash('c', 'shop-frontend'), until]],
      claims,
      'accepted',
    ],
    ['a token without sid, its grant ended', [[101, 'g', tail(gid), until]], without('sid'), 'revoked'],
    ['a token without sid, the session ended', [[101, 's', tail(sid), until]], without('sid'), 'accepted'],
    [
      'a token of a client by itself, the client ended',
      [[101, 'c', hash('c', 'shop-frontend'), until]],
      { ...without('sid', 'gid', 'auth_time'), sub: 'shop-frontend' },
      'revoked',
    ],
    ['rvp missing', [], without('rvp'), 'invalid'],
    ['rvp a text', [], { ...claims, rvp: '100' }, 'invalid'],
    ['rvp negative', [], { ...claims, rvp: -1 }, 'invalid'],
    ['rvp not whole', [], { ...claims, rvp: 100.5 }, 'invalid'],
    ['rvp 2^53', [], { ...claims, rvp: 2 ** 53 }, 'invalid'],
    ['rvp 0, ended at 1', [[1, 'u', hash('u', user), until]], { ...claims, rvp: 0 }, 'revoked'],
    [
      'rvp 2^53 - 2, ended at 2^53 - 1',
      [[2 ** 53 - 1, 'u', hash('u', user), until]],
      { ...claims, rvp: 2 ** 53 - 2 },
      'revoked',
    ],
    [
      'rvp 2^53 - 1, ended at 2^53 - 1',
      [[2 ** 53 - 1, 'u', hash('u', user), until]],
      { ...claims, rvp: 2 ** 53 - 1 },
      'accepted',
    ],
  ].map(([name, entries, tokenClaims, expect]) => ({ name, entries, header, claims: tokenClaims, expect }))

/* ---------------------------------------------------------------- frames */

const wallOf = (at) => 1795222860000 + at
const entry = (position, life = 3720) => [
  position,
  's',
  Buffer.from([0, 0, 0, 0, 0, 0, 1, position]).toString('base64url'),
  1795222860 + life,
]
const frameOf = (from, to, a, extra = {}) => {
  const positions = Array.from({ length: to - from }, (_, i) => from + 1 + i)
  const anchor = a === null ? { more: true } : { a, asof: 1795222860 }
  return {
    iss: issuer,
    ep: 'e0000001',
    in: 'instance-A',
    from,
    to,
    ...anchor,
    ...(positions.length ? { e: positions.map((p) => entry(p)) } : {}),
    ...extra,
  }
}
const key = feedKey.toString('base64url')
/** A frame that is received at an instant; its request was sent then, too, unless said. When it arrived, the clock of the instance stood at 50000 ms. */
const receive = (
  at,
  frame,
  expect,
  { sent = at, clock = { in: 'instance-A', ms: 50000 }, wall = wallOf(at) } = {},
) => ({ at, wall, sent, clock, frame, expect: { outcome: 'applied', ...expect } })
const look = (at, expect, wall = wallOf(at)) => ({ at, wall, expect })
const forget = (at, expect, wall = wallOf(at)) => ({ at, wall, forget: true, expect })
const first = (at, to, fresh = true) => receive(at, frameOf(0, to, 50000, { key }), { cursor: to, fresh, held: to })

const frames = () =>
  [
    ['before the first frame nothing is fresh', [look(1000, { fresh: false, held: 0 })]],
    [
      'the age of a frame: read 10 ms before the request arrived, which was sent 40 ms before the answer came',
      [
        receive(1040, frameOf(0, 2, 49990, { key }), { cursor: 2, fresh: true, held: 2 }, { sent: 1000 }),
        look(5980, { cursor: 2, fresh: true }),
        look(5990, { cursor: 2, fresh: false }),
      ],
    ],
    [
      'an answer that took long is as old as its request',
      [
        receive(4000, frameOf(0, 2, 50000, { key }), { cursor: 2, fresh: true, held: 2 }, { sent: 1000 }),
        look(5990, { fresh: true }),
        look(6000, { fresh: false }),
      ],
    ],
    [
      'on a stream, the frames that follow are judged by the clock of its beginning',
      [
        first(1000, 2),
        receive(4010, frameOf(2, 3, 53000), { cursor: 3, fresh: true, held: 3 }, { sent: 1000 }),
        look(8980, { fresh: true }),
        look(9000, { fresh: false }),
      ],
    ],
    [
      'a frame with more to come moves the cursor and makes nothing fresh',
      [
        receive(1000, frameOf(0, 2, null, { key }), { cursor: 2, fresh: false, held: 2 }),
        receive(1010, frameOf(2, 3, 50005), { cursor: 3, fresh: true, held: 3 }),
      ],
    ],
    [
      'nor does one that says when it was read all the same',
      [receive(1000, { ...frameOf(0, 2, 50000, { key }), more: true }, { cursor: 2, fresh: false, held: 2 })],
    ],
    [
      'a gap: nothing of the frame is taken, and the verifier is stale until it has begun again from its cursor',
      [
        first(1000, 2),
        receive(1500, frameOf(4, 5, 50500), { outcome: 'gap', cursor: 2, fresh: false, held: 2 }, { sent: 1000 }),
        look(1510, { cursor: 2, fresh: false, held: 2 }),
        receive(1600, frameOf(2, 5, 50000), { cursor: 5, fresh: true, held: 5 }),
      ],
    ],
    [
      'a frame that comes twice changes nothing',
      [
        first(1000, 2),
        receive(1500, frameOf(2, 4, 50400), { cursor: 4, fresh: true, held: 4 }, { sent: 1000 }),
        receive(1600, frameOf(2, 4, 50400), { cursor: 4, fresh: true, held: 4 }, { sent: 1000 }),
        look(6390, { fresh: true }),
        look(6400, { fresh: false }),
      ],
    ],
    [
      'an older frame after a younger one takes nothing back',
      [
        first(1000, 4),
        receive(1100, frameOf(0, 1, 47000), { cursor: 4, fresh: true, held: 4 }),
        look(5990, { cursor: 4, fresh: true }),
        look(6000, { fresh: false }),
      ],
    ],
    [
      'a frame that begins before the cursor is good for it, too',
      [first(1000, 3), receive(1100, frameOf(1, 5, 50050), { cursor: 5, fresh: true, held: 5 })],
    ],
    [
      'a frame that was held up is applied and makes nothing fresh',
      [
        first(1000, 2),
        look(6000, { cursor: 2, fresh: false }),
        receive(6100, frameOf(2, 3, 50090), { cursor: 3, fresh: false, held: 3 }, { sent: 1000 }),
        receive(6200, frameOf(3, 3, 55190), { cursor: 3, fresh: true, held: 3 }, { sent: 1000 }),
      ],
    ],
    [
      'a sign of life that is repeated extends nothing',
      [
        first(1000, 2),
        ...[2000, 3000, 4000, 5000].map((at) =>
          receive(at, frameOf(2, 2, 50000), { cursor: 2, fresh: true, held: 2 }, { sent: 1000 }),
        ),
        receive(6000, frameOf(2, 2, 50000), { cursor: 2, fresh: false, held: 2 }, { sent: 1000 }),
      ],
    ],
    [
      'the frame of one instance says nothing by the clock of another',
      [
        receive(
          1000,
          frameOf(0, 2, 50000, { key }),
          { cursor: 2, fresh: false, held: 2 },
          { clock: { in: 'instance-B', ms: 10 } },
        ),
        receive(
          1100,
          frameOf(2, 3, 90000, { in: 'instance-B' }),
          { cursor: 3, fresh: true, held: 3 },
          { clock: { in: 'instance-B', ms: 90000 } },
        ),
      ],
    ],
    [
      'nor without any',
      [receive(1000, frameOf(0, 2, 50000, { key }), { cursor: 2, fresh: false, held: 2 }, { clock: null })],
    ],
    [
      'an instance that says that it read in the future has read when the frame came, at the latest',
      [
        receive(1000, frameOf(0, 2, 99000, { key }), { cursor: 2, fresh: true, held: 2 }),
        look(5990, { fresh: true }),
        look(6000, { fresh: false }),
      ],
    ],
    [
      'another epoch: the entries stay, the cursor is forgotten, a snapshot follows',
      [
        first(1000, 4),
        receive(
          1500,
          frameOf(4, 5, 50400, { ep: 'e0000002' }),
          { outcome: 'epoch', cursor: null, held: 4 },
          { sent: 1000 },
        ),
        receive(
          1600,
          { ...frameOf(0, 2, 50000, { ep: 'e0000002', key }), e: [entry(101), entry(102)] },
          { cursor: 2, fresh: true, held: 6 },
        ),
      ],
    ],
    [
      'positions that jump within a frame leave no gap',
      [
        first(1000, 2),
        receive(
          1100,
          { ...frameOf(2, 2, 50050), to: 3764775000000000, e: [entry(3)] },
          { cursor: 3764775000000000, fresh: true, held: 3 },
        ),
      ],
    ],
    [
      'the machine has slept: its monotonic clock stood still for ten minutes',
      [
        first(1000, 2),
        look(1900, { cursor: 2, fresh: true }),
        look(2000, { cursor: 2, fresh: false }, wallOf(602000)),
        receive(2100, frameOf(2, 3, 51050), { cursor: 3, fresh: false, held: 3 }, { sent: 1000, wall: wallOf(602100) }),
        receive(2200, frameOf(3, 3, 50000), { cursor: 3, fresh: true, held: 3 }, { sent: 2150, wall: wallOf(602200) }),
      ],
    ],
    [
      'a wall clock that is corrected by less than a second is no sleep',
      [first(1000, 2), look(1900, { cursor: 2, fresh: true }, wallOf(2800))],
    ],
    [
      'an entry is kept until the clock of the database and the own one are past its until',
      [
        receive(1000, { ...frameOf(0, 1, 50000, { key }), e: [entry(1, 30)] }, { cursor: 1, fresh: true, held: 1 }),
        forget(40000, { cursor: 1, fresh: false, held: 1 }),
        receive(41000, { ...frameOf(1, 1, 50000), asof: 1795222860 + 29 }, { cursor: 1, fresh: true, held: 1 }),
        forget(41100, { cursor: 1, fresh: true, held: 1 }),
        receive(42000, { ...frameOf(1, 1, 50000), asof: 1795222860 + 42 }, { cursor: 1, fresh: true }),
        forget(42100, { cursor: 1, fresh: true, held: 0 }),
      ],
    ],
    [
      'an own clock that is slow keeps it longer',
      [
        receive(
          1000,
          { ...frameOf(0, 1, 50000, { key }), e: [entry(1, 30)] },
          { cursor: 1, fresh: true, held: 1 },
          { wall: wallOf(-59000) },
        ),
        receive(
          60000,
          { ...frameOf(1, 1, 50000), asof: 1795222860 + 60 },
          { cursor: 1, fresh: true, held: 1 },
          { wall: wallOf(0) },
        ),
        forget(60000, { held: 1, fresh: true }, wallOf(0)),
        forget(92000, { held: 0, fresh: false }, wallOf(32000)),
      ],
    ],
  ].map(([name, steps]) => ({ name, max_staleness: 5, steps }))

/* ---------------------------------------------------------------- */

const publicJwk = ([kid, { alg, kty, crv, x, y }]) => ({ kid, alg, use: 'sig', kty, crv, x, ...(y ? { y } : {}) })
const vectors = {
  description,
  issuer,
  feed_key: key,
  keys: {
    uuids: uuids.map((uuid) => ({ uuid, tail: tail(uuid) })),
    hashes: hashed.map(([kind, id]) => ({ kind, id, hash: hash(kind, id) })),
  },
  jwks: { keys: Object.entries(keys).map(publicJwk) },
  signatures: signatures(),
  match: { now, audience: claims.aud, cases: match() },
  frames: frames(),
}

/** ES256 signs differently each time. */
const unsigned = (all) =>
  JSON.stringify({ ...all, signatures: all.signatures.map((one) => ({ ...one, signature: undefined })) })

if (process.argv.includes('--check')) {
  if (unsigned(JSON.parse(readFileSync(file, 'utf8'))) !== unsigned(vectors)) {
    console.error(
      'docs/revocation-feed-vectors.json is not what scripts/feed-vectors.mjs makes: run it, and commit both',
    )
    process.exitCode = 1
  }
} else writeFileSync(file, `${JSON.stringify(vectors, null, 2)}\n`)
