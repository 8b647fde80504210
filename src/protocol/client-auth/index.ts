import type { ClientAuthMethod } from '../../domain/client.ts'
import { clientSecretBasic } from './client-secret-basic.ts'
import { clientSecretPost } from './client-secret-post.ts'
import type { Method } from './method.ts'
import { none } from './none.ts'

/** Every way to authenticate a client. A new one is one file and one line here; discovery reads this table. */
export const clientAuthMethods = {
  client_secret_basic: clientSecretBasic, // RFC 6749 §2.3.1
  client_secret_post: clientSecretPost, //   RFC 6749 §2.3.1
  none, //                                   RFC 7591 §2
} satisfies Record<ClientAuthMethod, Method>
