// Stores a blob in memory, finds it again by its digest, and reads a part of it.
import { digestOf, formatDigest, sourceFromBytes } from '@caskade/core'
import { MemoryStorage } from '@caskade/memory'

await using storage = new MemoryStorage({ maxBytes: 64 * 1024 * 1024 })
await storage.start()

const content = Buffer.from('hello, world\n')
const digest = digestOf(content)
await storage.commitWrite(digest, sourceFromBytes(content))
console.log(`stored ${formatDigest(digest)}`)

const reader = await storage.getBlob(digest)
console.log(`whole: ${String(await reader?.bytes()).trim()}`)

const part = await storage.getBlob(digest, { offset: 7, length: 5 })
console.log(`from byte 7 on: ${String(await part?.bytes())}`)

const missing = await storage.missingBlobs([digest, digestOf(Buffer.from('something else'))])
console.log(`of two blobs, ${missing.length} is missing`)
