import type { FastifyInstance } from 'fastify'
import { administratorPages } from './administrators.tsx'
import { auditPages } from './audit.tsx'
import { clientPages } from './clients.tsx'
import { keyPages } from './keys.tsx'
import { overviewPages } from './overview.tsx'
import { createPages, type Pages, speakConsole } from './page.tsx'
import { revokePages } from './revoke.tsx'
import { sessionPages } from './sessions.tsx'
import { signInRoutes } from './sign-in.tsx'
import { userPages } from './users.tsx'
import type { ConsoleTools } from './visitor.ts'

/** The console, one line per part. */
const parts: readonly ((pages: Pages, tools: ConsoleTools) => void)[] = [
  overviewPages,
  sessionPages, // grants too
  userPages,
  clientPages,
  keyPages,
  auditPages,
  administratorPages,
  revokePages,
]

/** Adds the pages below `/admin` by which people administer. They call the procedures that the admin API calls, with the role of the person. */
export function registerConsole(app: FastifyInstance, tools: ConsoleTools): void {
  void app.register(
    async (admin) => {
      speakConsole(admin)
      signInRoutes(admin, tools)
      const pages = createPages(admin, tools)
      for (const addPages of parts) addPages(pages, tools)
    },
    { prefix: '/admin' },
  )
}
