import { fromBinary } from '@bufbuild/protobuf'
import type { Digest, StorageABC } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { GrpcError } from '@caskade/grpc'
import type { DigestReader, WireDigest } from './digests.ts'
import type { ActionResult, Directory, Tree } from './messages.ts'
import { TreeSchema } from './messages.ts'
import type { TreeLimits } from './tree-limits.ts'
import { walkTree } from './tree-reader.ts'

/** What finding the blobs of an action result needs. */
export interface ClosureOptions {
  readonly storage: StorageABC
  readonly digests: DigestReader
  /** The digest function of the request. */
  readonly requestedFunction: number
  /** For all trees of the result together; beyond them, none is walked. */
  readonly limits: TreeLimits
  readonly signal: AbortSignal
}

/**
 * The blobs that a result names itself: files, trees, root directories, standard output and error.
 *
 * @throws GrpcError `INVALID_ARGUMENT` when one of them is malformed.
 */
export function directDigests(result: ActionResult, digests: DigestReader, requestedFunction: number): Digest[] {
  const wire: (WireDigest | undefined)[] = [
    ...result.outputFiles.map(({ digest }) => digest),
    ...result.outputDirectories.flatMap(({ treeDigest, rootDirectoryDigest }) => [treeDigest, rootDirectoryDigest]),
    result.stdoutDigest,
    result.stderrDigest,
  ]
  return wire
    .filter((digest) => digest !== undefined)
    .map((digest) => digests.read(digest, requestedFunction, 'output'))
}

/**
 * All blobs that a client needs to use a result, those in its trees included; null when one that must be read to find
 * the others is missing, damaged or too large.
 */
export async function closureOf(result: ActionResult, options: ClosureOptions): Promise<Digest[] | null> {
  const { digests, requestedFunction } = options
  try {
    const closure = directDigests(result, digests, requestedFunction)
    // Not push(...): as arguments, the files of a large tree would be too many.
    const add = (more: readonly Digest[]): void => more.forEach((digest) => closure.push(digest))
    for (const { treeDigest, rootDirectoryDigest } of result.outputDirectories) {
      if (treeDigest !== undefined) {
        const tree = await readTree(digests.read(treeDigest, requestedFunction), options)
        if (tree === null) return null
        add(filesOf([tree.root, ...tree.children], options))
        continue
      }
      if (rootDirectoryDigest === undefined) return null
      const stored = await readDirectories(digests.read(rootDirectoryDigest, requestedFunction), options)
      if (stored === null) return null
      add(stored.map(({ digest }) => digest))
      const directories = stored.map(({ directory }) => directory)
      add(filesOf(directories, options))
    }
    return closure
  } catch (error) {
    // A tree that is malformed, too large or damaged. Other failures say nothing of what is stored, and are passed on.
    if (GrpcError.is(error) || StorageError.is(error, 'corrupt')) return null
    throw error
  }
}

async function readTree(digest: Digest, { storage, limits, signal }: ClosureOptions): Promise<Tree | null> {
  if (!limits.addBytes(digest.sizeBytes)) return null
  const reader = await storage.getBlob(digest, { signal })
  if (reader === null) return null
  const bytes = await reader.bytes()
  if (!limits.addFields(TreeSchema, bytes)) return null
  try {
    return fromBinary(TreeSchema, bytes)
  } catch {
    return null
  }
}

async function readDirectories(
  root: Digest,
  options: ClosureOptions,
): Promise<{ digest: Digest; directory: Directory }[] | null> {
  const directories: { digest: Digest; directory: Directory }[] = []
  let isComplete = true
  const onMissing = (): void => {
    isComplete = false
  }
  for await (const stored of walkTree(root, { ...options, onMissing })) directories.push(stored)
  return isComplete ? directories : null
}

function filesOf(
  directories: readonly (Directory | undefined)[],
  { digests, requestedFunction }: ClosureOptions,
): Digest[] {
  return directories.flatMap((directory) =>
    (directory?.files ?? []).map(({ digest }) => digests.read(digest, requestedFunction, 'file in a tree')),
  )
}
