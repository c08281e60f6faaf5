/** What we want to be true beside bazel-remote. */
export interface Target {
  /** The operations that it is about begin with this. */
  readonly operation: string
  /** The most processor time that ours may take for each unit of the peer's. */
  readonly maxRatio: number
}

/** Those of the servers with a disk beside bazel-remote without compression. */
const targets: readonly Target[] = [
  { operation: 'GetActionResult', maxRatio: 1 },
  { operation: 'FindMissingBlobs of 10', maxRatio: 1 },
  { operation: 'FindMissingBlobs of 1,000', maxRatio: 0.7 },
  { operation: 'BatchReadBlobs', maxRatio: 0.8 },
  { operation: 'BatchUpdateBlobs', maxRatio: 0.8 },
  { operation: 'ByteStream.Read of 64 MiB, identity', maxRatio: 0.7 },
  { operation: 'ByteStream.Write of 64 MiB, identity', maxRatio: 0.8 },
  { operation: 'HTTP GET of 100 KiB', maxRatio: 1 },
]

/** The target of an operation, if it has one. */
export function targetOf(operation: string): Target | undefined {
  return targets.find((target) => isAbout(operation, target.operation))
}

/** `FindMissingBlobs of 10` is not about `FindMissingBlobs of 10,000`. */
function isAbout(operation: string, prefix: string): boolean {
  return operation === prefix || (operation.startsWith(prefix) && operation[prefix.length] === ' ')
}
