import { parseMasterKeys } from '../../src/crypto/master-keys.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { maintainKeys } from '../../src/protocol/keys/rotation.ts'
import { openDatabase } from '../../src/store/database.ts'

/** The master key of every test server: clones of the template share what is sealed in it. */
export const testMasterKeys = 'AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA'

/** Makes the signing keys once for the whole run: an RSA key takes a second. */
export async function prepareTemplate(url: string): Promise<void> {
  const db = openDatabase({ url, poolSize: 1, preparedStatements: true, onIdleError: () => {} })
  const seal = createSeal(parseMasterKeys(testMasterKeys))
  await maintainKeys(db, seal, { publishLeadSeconds: 0, rotationSeconds: 7_776_000 })
  await db.close()
}
