import type { Digest, StorageABC } from '@caskade/core'
import { digestKey, StorageError } from '@caskade/core'
import { GrpcError } from '@caskade/grpc'
import type { DigestReader, WireDigest } from './digests.ts'
import type { ResultDigests } from './hot/action-result-messages.ts'
import type { ActionResult } from './messages.ts'
import { TreeSchema } from './messages.ts'
import type { TreeLimits } from './tree-limits.ts'
import { filesOfTree } from './tree-files.ts'
import { walkTree } from './tree-reader.ts'
import { WorkTurns } from './work-turns.ts'

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
 * All blobs that a client needs to use a result, each once, those in its trees included; null when one that must be read
 * to find the others is missing, damaged or too large.
 */
export async function closureOf(
  { blobs, directories }: ResultDigests,
  options: ClosureOptions,
): Promise<Digest[] | null> {
  const { digests, requestedFunction } = options
  const closure = new Closure()
  try {
    for (const blob of blobs) {
      const turn = closure.add(digests.read(blob, requestedFunction))
      // Awaiting nothing takes longer than the work.
      if (turn !== undefined) await turn
    }
    for (const { treeDigest, rootDirectoryDigest } of directories) {
      if (treeDigest === undefined && rootDirectoryDigest === undefined) return null
      // Both are answered for where both are named: a client may follow either.
      if (treeDigest !== undefined) {
        const tree = digests.read(treeDigest, requestedFunction)
        await closure.add(tree)
        if (!(await addTree(closure, tree, options))) return null
      }
      if (rootDirectoryDigest !== undefined) {
        const root = digests.read(rootDirectoryDigest, requestedFunction)
        await closure.add(root)
        if (!(await addDirectories(closure, root, options))) return null
      }
    }
    return closure.digests
  } catch (error) {
    // A tree that is malformed, too large or damaged. Other failures say nothing of what is stored, and are passed on.
    if (GrpcError.is(error) || StorageError.is(error, 'corrupt')) return null
    throw error
  }
}

/** Collects digests, each once, without holding up other calls. */
class Closure {
  readonly #found = new Map<string, Digest>()
  readonly #turns = new WorkTurns()

  get digests(): Digest[] {
    return [...this.#found.values()]
  }

  /** Unless undefined, the promise must be awaited. */
  add(digest: Digest): Promise<void> | undefined {
    this.#found.set(digestKey(digest), digest)
    return this.#turns.take()
  }
}

async function addTree(closure: Closure, digest: Digest, options: ClosureOptions): Promise<boolean> {
  const { storage, digests, requestedFunction, limits, signal } = options
  if (!limits.addBytes(digest.sizeBytes)) return false
  const reader = await storage.getBlob(digest, { signal })
  if (reader === null) return false
  const bytes = await reader.bytes()
  if (!limits.addFields(TreeSchema, bytes)) return false
  const files = filesOfTree(bytes)
  for (let next = nextFile(files); next?.done !== true; next = nextFile(files)) {
    if (next === null) return false
    await closure.add(digests.read(next.value, requestedFunction, 'file in a tree'))
    signal.throwIfAborted()
  }
  return true
}

/** Null when the tree is malformed. */
function nextFile(files: Generator<WireDigest | undefined>): IteratorResult<WireDigest | undefined> | null {
  try {
    return files.next()
  } catch {
    return null
  }
}

async function addDirectories(closure: Closure, root: Digest, options: ClosureOptions): Promise<boolean> {
  let isComplete = true
  const onMissing = (): void => {
    isComplete = false
  }
  for await (const { digest, directory } of walkTree(root, { ...options, onMissing })) {
    if (!isComplete) return false
    await closure.add(digest)
    for (const file of directory.files) {
      await closure.add(options.digests.read(file.digest, options.requestedFunction, 'file in a tree'))
    }
  }
  return isComplete
}
