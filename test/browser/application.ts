import { serve, type WebApp } from '../interop/web-app.ts'
import type { TestClient, TestServer } from '../support/server.ts'

/** An application as a browser meets it: on another origin than the server, with a page that says what came back. */
export interface Application extends WebApp {
  readonly client: TestClient
  /** Every authorization response that reached it, in order. */
  readonly responses: { readonly method: string; readonly parameters: URLSearchParams }[]
  /** Where its callback sends the browser next, if anywhere. */
  onward: string | undefined
}

/** Registers a client and listens for it. */
export async function startApplication(
  server: TestServer,
  metadata: Record<string, unknown> = {},
): Promise<Application> {
  let client: TestClient | undefined
  const next: Pick<Application, 'onward'> = { onward: undefined }
  const responses: Application['responses'] = []
  const app = await serve(async (origin) => {
    client = await server.createClient({
      redirect_uris: [`${origin}/callback`],
      post_logout_redirect_uris: [`${origin}/bye`],
      ...metadata,
    })
    return (request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      request.on('end', () => {
        const { pathname, searchParams } = new URL(request.url ?? '/', origin)
        const method = request.method ?? ''
        if (pathname === '/callback')
          responses.push({ method, parameters: method === 'POST' ? new URLSearchParams(body) : searchParams })
        if (pathname === '/favicon.ico') response.writeHead(204).end()
        else if (pathname === '/callback' && next.onward !== undefined)
          response.writeHead(302, { location: next.onward }).end()
        else response.setHeader('content-type', 'text/html').end(`<!doctype html><title>App</title><h1>${method}</h1>`)
      })
    }
  })
  if (!client) throw new Error('the client was not registered')
  return Object.assign(next, { ...app, client, responses })
}
