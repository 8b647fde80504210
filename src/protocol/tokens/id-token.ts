import { atHash } from '../../crypto/id-hash.ts'
import { signJwt } from '../../crypto/jwt.ts'
import { pickClaims } from '../../domain/claims.ts'
import type { Client } from '../../domain/client.ts'
import { longestAccessTokenSeconds } from '../../domain/signing-key.ts'
import type { Minting } from '../../store/refresh.ts'
import type { Tools } from '../tools.ts'

/** Signs an ID token (OpenID Connect Core §2). Profile claims come from userinfo unless the `claims` parameter asked for them here. */
export async function issueIdToken(
  minting: Minting,
  client: Client,
  options: { accessToken: string; nonce?: string | null },
  tools: Tools,
): Promise<string> {
  const key = await tools.keys.signer(client.idTokenSignedResponseAlg)
  const requested = minting.claims?.id_token
  const claims = {
    ...(requested && minting.userClaims ? pickClaims(minting.userClaims, [], requested) : {}),
    iss: tools.issuer,
    sub: minting.userId,
    aud: client.clientId,
    exp: minting.iat + longestAccessTokenSeconds,
    iat: minting.iat,
    auth_time: minting.authTimeSeconds,
    at_hash: atHash(options.accessToken, key.alg),
    ...(options.nonce ? { nonce: options.nonce } : {}),
    ...(minting.acr ? { acr: minting.acr } : {}),
    ...(minting.amr ? { amr: minting.amr } : {}),
    ...(minting.idTokenSessionId ? { sid: minting.idTokenSessionId } : {}),
  }
  return signJwt(key, 'JWT', claims)
}
