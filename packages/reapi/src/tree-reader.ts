import { fromBinary } from '@bufbuild/protobuf'
import type { Digest, StorageABC } from '@caskade/core'
import { digestKey, formatDigest } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { DigestReader } from './digests.ts'
import type { Directory } from './messages.ts'
import { DirectorySchema } from './messages.ts'
import type { TreeLimits } from './tree-limits.ts'
import { WorkTurns } from './work-turns.ts'

/** How many bytes of directories are read at once. */
const READ_BYTES = 4 * 1024 * 1024

/** A directory, and the digest it is stored under. */
export interface StoredDirectory {
  readonly digest: Digest
  readonly directory: Directory
}

/** What walking a tree needs besides its root. */
export interface TreeWalkOptions {
  readonly storage: StorageABC
  readonly digests: DigestReader
  /** The digest function of the request. */
  readonly requestedFunction: number
  /** Refuse to walk further once the directories come to more than this. */
  readonly limits: TreeLimits
  readonly signal: AbortSignal
  /** Called for a directory that is not stored; by default it is left out. */
  readonly onMissing?: ((digest: Digest) => void) | undefined
}

/**
 * Walks the directories below a root, level by level, each once however often it is named.
 *
 * @throws GrpcError `FAILED_PRECONDITION` for a tree that is too large, `INVALID_ARGUMENT` for a blob that is not a
 * directory.
 */
export async function* walkTree(
  root: Digest,
  options: TreeWalkOptions,
): AsyncGenerator<StoredDirectory, void, undefined> {
  const seen = new Set([digestKey(root)])
  const turns = new WorkTurns()
  let level = [root]
  while (level.length > 0) {
    const next: Digest[] = []
    for (const batch of batchesOf(level)) {
      for (const { sizeBytes } of batch) if (!options.limits.addBytes(sizeBytes)) throw tooLarge(root, options.limits)
      const found = await options.storage.bulkReadBlobs(batch, { signal: options.signal })
      for (const digest of batch) {
        const bytes = found.get(digest.hash)
        if (bytes === undefined) {
          options.onMissing?.(digest)
          continue
        }
        if (!options.limits.addFields(DirectorySchema, bytes)) throw tooLarge(root, options.limits)
        const directory = parseDirectory(digest, bytes)
        await turns.take(1 + directory.files.length + directory.directories.length)
        yield { digest, directory }
        for (const child of childrenOf(directory, options)) {
          if (seen.has(digestKey(child))) continue
          seen.add(digestKey(child))
          next.push(child)
        }
      }
    }
    level = next
  }
}

function childrenOf({ directories }: Directory, { digests, requestedFunction }: TreeWalkOptions): Digest[] {
  return directories.map(({ digest }) => digests.read(digest, requestedFunction, 'directory'))
}

function* batchesOf(digests: readonly Digest[]): Generator<Digest[], void, undefined> {
  let batch: Digest[] = []
  let bytes = 0
  for (const digest of digests) {
    if (batch.length > 0 && bytes + digest.sizeBytes > READ_BYTES) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(digest)
    bytes += digest.sizeBytes
  }
  if (batch.length > 0) yield batch
}

function parseDirectory(digest: Digest, bytes: Uint8Array): Directory {
  try {
    return fromBinary(DirectorySchema, bytes)
  } catch (error) {
    const message = `blob ${formatDigest(digest)} is not a Directory`
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, message, { cause: error })
  }
}

function tooLarge(root: Digest, { maxBytes }: TreeLimits): GrpcError {
  const message = `the tree below ${formatDigest(root)} has more than ${maxBytes} bytes of directories, or too many entries`
  return new GrpcError(StatusCode.FAILED_PRECONDITION, message)
}
