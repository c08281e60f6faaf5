import { fromBinary } from '@bufbuild/protobuf'
import type { Digest, StorageABC } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { GrpcError } from '@caskade/grpc'
import type { DigestReader, WireDigest } from './digests.ts'
import type { ActionResult, Directory, Tree } from './messages.ts'
import { TreeSchema } from './messages.ts'
import { walkTree } from './tree-reader.ts'

/** What finding the blobs of an action result needs. */
export interface ClosureOptions {
  readonly storage: StorageABC
  readonly digests: DigestReader
  /** The digest function of the request. */
  readonly requestedFunction: number
  /** Trees that come to more than this are not walked, in bytes. */
  readonly maxTreeBytes: number
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
    let treeBytes = 0
    for (const { treeDigest, rootDirectoryDigest } of result.outputDirectories) {
      if (treeDigest !== undefined) {
        const digest = digests.read(treeDigest, requestedFunction)
        treeBytes += digest.sizeBytes
        if (treeBytes > options.maxTreeBytes) return null
        const tree = await readTree(digest, options)
        if (tree === null) return null
        closure.push(...filesOf([tree.root, ...tree.children], options))
        continue
      }
      if (rootDirectoryDigest === undefined) return null
      const directories = await readDirectories(digests.read(rootDirectoryDigest, requestedFunction), options)
      if (directories === null) return null
      closure.push(...directories.map(({ digest }) => digest))
      closure.push(
        ...filesOf(
          directories.map(({ directory }) => directory),
          options,
        ),
      )
    }
    return closure
  } catch (error) {
    // A tree that is malformed, too large or damaged. Other failures say nothing of what is stored, and are passed on.
    if (GrpcError.is(error) || StorageError.is(error, 'corrupt')) return null
    throw error
  }
}

async function readTree(digest: Digest, { storage, signal }: ClosureOptions): Promise<Tree | null> {
  const reader = await storage.getBlob(digest, { signal })
  if (reader === null) return null
  const bytes = await reader.bytes()
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
