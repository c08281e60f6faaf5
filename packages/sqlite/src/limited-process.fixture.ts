import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import type { BlobReader } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { SqliteStorage } from './index.ts'

// Run by `sqlite-limits.test.ts` as a process that may open few files; prints what the storage said once there were none.
const storage = new SqliteStorage({ path: process.argv[2] ?? '' })
await storage.start()
// So large that its file stays open while it is read.
const [blob] = makeBlobs(1, 500_000)
const other = makeBlob(2, 50_000)
if (blob !== undefined) {
  await storage.commitWrite(blob.digest, sourceOf(blob))
  const readers: BlobReader[] = []
  const reading = await codeOf(async () => {
    for (;;) {
      const reader = await storage.getBlob(blob.digest)
      if (reader === null) return
      readers.push(reader)
    }
  })
  const writing = await codeOf(() => storage.commitWrite(other.digest, sourceOf(other)))
  const isThere = await storage.hasBlob(blob.digest)
  for (const reader of readers) await reader[Symbol.asyncDispose]()
  const afterwards = await codeOf(async () => {
    await storage.commitWrite(other.digest, sourceOf(other))
    await (await storage.getBlob(blob.digest))?.bytes()
  })
  process.stdout.write(JSON.stringify({ reading, writing, isThere, afterwards }))
}
await storage.stop()

async function codeOf(perform: () => Promise<unknown>): Promise<string> {
  try {
    await perform()
    return 'ok'
  } catch (error) {
    return StorageError.is(error) ? error.code : String(error)
  }
}
