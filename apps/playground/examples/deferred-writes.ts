// A fallback that is away for a while. Writes are acknowledged once they are in a journal on local disk, can be read at once,
// and arrive when the fallback is back.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { failing, FaultyStorage } from '@caskade/conformance'
import { digestOf, onStorageEvent, sourceFromBytes, WithCacheStorage } from '@caskade/core'
import { MemoryStorage } from '@caskade/memory'

const folder = await mkdtemp(join(tmpdir(), 'caskade-example-'))
let failures = 0
const stopListening = onStorageEvent(({ kind }) => {
  if (kind === 'deferred-failure') failures += 1
})
try {
  const remote = new MemoryStorage()
  const flaky = new FaultyStorage(remote)
  await using storage = new WithCacheStorage({
    cache: new MemoryStorage(),
    fallback: flaky,
    deferFallbackWrites: true,
    journalDirectory: join(folder, 'journal'),
  })
  await storage.start()

  flaky.plan = failing()
  const content = Buffer.from('written while the fallback was away')
  const digest = digestOf(content)
  await storage.commitWrite(digest, sourceFromBytes(content))
  console.log(`acknowledged; ${storage.deferredStatus?.writes} write waits`)
  console.log(`read meanwhile: ${String(await (await storage.getBlob(digest))?.bytes())}`)
  console.log(`the fallback has it: ${await remote.hasBlob(digest)}`)

  flaky.plan = {}
  await storage.flush()
  console.log(`the fallback has it: ${await remote.hasBlob(digest)}; ${storage.deferredStatus?.writes} writes wait`)
  console.log(`it took more than one attempt: ${failures > 0}`)
} finally {
  stopListening()
  await rm(folder, { recursive: true })
}
