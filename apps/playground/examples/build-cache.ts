// A build cache in one file: runs a command only if its inputs have changed, and otherwise restores what it made.
//
//   node build-cache.ts --cache DIR --input FILE ... --output FILE ... -- COMMAND ARGUMENT ...
import { spawnSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { chmod, mkdir, open, rename, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import type { ActionKey, Backend, BlobReader, Digest } from '@caskade/core'
import { createHasher, WriteSession } from '@caskade/core'
import { sqliteBackend } from '@caskade/sqlite'

/** A file that the command made. */
interface Output {
  readonly path: string
  readonly mode: number
  readonly digest: Digest
}

const { values, positionals: command } = parseArgs({
  allowPositionals: true,
  options: {
    cache: { type: 'string', default: '.build-cache' },
    input: { type: 'string', multiple: true, default: [] },
    output: { type: 'string', multiple: true, default: [] },
  },
})
const [program, ...programArguments] = command
if (program === undefined) {
  console.error('usage: build-cache.ts --cache DIR --input FILE ... --output FILE ... -- COMMAND ARGUMENT ...')
  process.exit(2)
}

const backend = sqliteBackend({ path: values.cache, maxBytes: 10 * 1024 ** 3 })
await using storage = backend.storage
await using actionCache = backend.actionCache
await storage.start()
await actionCache.start()

const key: ActionKey = { namespace: 'build-cache', key: await hashOf(values.input) }
if (await restore(backend, key)) {
  console.log(`restored ${values.output.join(', ')}`)
} else {
  const { status } = spawnSync(program, programArguments, { stdio: 'inherit' })
  process.exitCode = status ?? 1
  // What failed is worth another try.
  if (status === 0) await store(backend, key)
}

/** Everything that decides what the command makes: the command itself, and the names and contents of its inputs. */
async function hashOf(inputs: readonly string[]): Promise<string> {
  const hasher = createHasher()
  hasher.update(Buffer.from(JSON.stringify([command, values.output])))
  for (const path of inputs.toSorted()) {
    await using content = await spool(path)
    hasher.update(Buffer.from(JSON.stringify([path, await content.finish()])))
  }
  return hasher.digest()
}

/** Stores the blobs first and then the entry that names them, so that there never is an entry without its blobs. */
async function store({ storage: blobs, actionCache: entries }: Backend, actionKey: ActionKey): Promise<void> {
  const outputs: Output[] = []
  for (const path of values.output) {
    await using content = await spool(path)
    const digest = await content.finish()
    await blobs.commitWrite(digest, content)
    outputs.push({ path, mode: (await stat(path)).mode, digest })
  }
  const references = outputs.map(({ digest }) => digest)
  await entries.update(actionKey, { bytes: Buffer.from(JSON.stringify(outputs)), references, metadata: {} })
}

/** Resolves to false unless every output could be restored: blobs are evicted like anything else. */
async function restore({ storage: blobs, actionCache: entries }: Backend, actionKey: ActionKey): Promise<boolean> {
  const entry = await entries.get(actionKey)
  if (entry === null || (await blobs.missingBlobs(entry.references)).length > 0) return false
  for (const { path, mode, digest } of JSON.parse(Buffer.from(entry.bytes).toString()) as Output[]) {
    const reader = await blobs.getBlob(digest)
    if (reader === null) return false
    await writeOutput(path, mode, reader)
  }
  return true
}

/** Writes beside the file and renames, so that nobody ever sees half of it. */
async function writeOutput(path: string, mode: number, reader: BlobReader): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${process.pid}.restored`
  await using file = await open(beside, 'w')
  for await (const chunk of reader) await file.writeFile(chunk)
  await chmod(beside, mode)
  await rename(beside, path)
}

/** Reads a file into a session, which hashes it. The file itself may change at any time; what the session has does not. */
async function spool(path: string): Promise<WriteSession> {
  const session = new WriteSession({ directory: tmpdir() })
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }))
      await session.write(chunk as Buffer)
    return session
  } catch (error) {
    await session[Symbol.asyncDispose]()
    throw error
  }
}
