// Memory in front of SQLite. An upload arrives chunk by chunk: it is hashed on the way, spooled to disk once it is too large
// for memory, checked, and then written to both. Reads come from memory.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHasher, WithCacheStorage, WriteSession } from '@caskade/core'
import { MemoryStorage } from '@caskade/memory'
import { SqliteStorage } from '@caskade/sqlite'

const CHUNK_BYTES = 64 * 1024
const CHUNKS = 160

const folder = await mkdtemp(join(tmpdir(), 'caskade-example-'))
try {
  const memory = new MemoryStorage({ maxBytes: 64 * 1024 * 1024 })
  const sqlite = new SqliteStorage({ path: join(folder, 'store'), maxBytes: 1024 ** 3 })
  await using storage = new WithCacheStorage({ cache: memory, fallback: sqlite })
  await storage.start()

  // Disposing the session removes what it has spooled, whatever happens.
  await using session = new WriteSession({ directory: folder, maxMemoryBytes: 1024 * 1024 })
  for (const chunk of upload()) await session.write(chunk)
  const digest = await session.finish()
  console.log(
    `received ${digest.sizeBytes} bytes, ${session.filePath === undefined ? 'in memory' : 'spooled to a file'}`,
  )

  await storage.commitWrite(digest, session)
  console.log(`in memory: ${await memory.hasBlob(digest)}, in SQLite: ${await sqlite.hasBlob(digest)}`)

  // Gone from the fallback: what is read now comes from the cache.
  await sqlite.deleteBlob(digest)
  const hasher = createHasher()
  for await (const chunk of (await storage.getBlob(digest)) ?? []) hasher.update(chunk)
  console.log(`read back the same content: ${hasher.digest() === digest.hash}`)
} finally {
  await rm(folder, { recursive: true })
}

function* upload(): Generator<Uint8Array, void, undefined> {
  for (let index = 0; index < CHUNKS; index++) yield Buffer.alloc(CHUNK_BYTES, index)
}
