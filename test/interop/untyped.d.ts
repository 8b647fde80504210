/** Packages that ship no types: as much of each as the tests use. */

declare module 'express' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

  export interface Request extends IncomingMessage {
    readonly query: Record<string, string>
    readonly user?: unknown
    logout(done: (error?: unknown) => void): void
  }
  export interface Response extends ServerResponse {
    status(code: number): this
    json(body: unknown): void
    redirect(url: string): void
  }
  export type NextFunction = (error?: unknown) => void
  export type RequestHandler = (request: Request, response: Response, next: NextFunction) => unknown
  export type Handler = RequestHandler
  export type ErrorHandler = (error: unknown, request: Request, response: Response, next: NextFunction) => unknown
  export interface Application extends RequestListener {
    (request: IncomingMessage, response: ServerResponse): void
    use(...handlers: (RequestHandler | ErrorHandler)[]): void
    get(path: string, ...handlers: RequestHandler[]): void
  }
  export default function express(): Application
}

declare module 'express-session' {
  import type { RequestHandler } from 'express'

  export default function session(options: {
    secret: string
    resave: boolean
    saveUninitialized: boolean
  }): RequestHandler
}

declare module 'passport' {
  import type { RequestHandler } from 'express'

  export interface Authenticator {
    use(strategy: unknown): void
    serializeUser(serialize: (user: unknown, done: (error: unknown, value?: unknown) => void) => void): void
    deserializeUser(deserialize: (value: unknown, done: (error: unknown, user?: unknown) => void) => void): void
    session(): RequestHandler
    authenticate(strategy: string, options?: { failWithError?: boolean }): RequestHandler
  }
  const passport: { Passport: new () => Authenticator }
  export default passport
}

declare module 'passport-openidconnect' {
  export type Verified = (error: unknown, user?: unknown) => void
  export type Verify = (
    issuer: string,
    profile: Record<string, unknown>,
    context: Record<string, unknown>,
    idToken: string,
    accessToken: string,
    refreshToken: string,
    verified: Verified,
  ) => void
  const Strategy: new (options: Record<string, unknown>, verify: Verify) => object
  export default Strategy
}
