import type { ActionKey, Digest, DigestFunction } from '@caskade/core'
import { actionKeyString, createDigest, digestOf, digestFunctions } from '@caskade/core'

/** How much of a namespace stands in a name: names have at most 1,024 bytes, and lists need only a prefix of it. */
const MAX_NAMESPACE_LENGTH = 400

/** The names of objects. They are in buckets, so they must never change. */
export class ObjectNames {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** What the names of all blobs begin with. */
  get blobPrefix(): string {
    return `${this.#prefix}cas/`
  }

  blob({ hash, digestFunction = 'sha256' }: Pick<Digest, 'hash' | 'digestFunction'>): string {
    return `${this.blobPrefix}${digestFunction}/${hash}`
  }

  /** The digest of a blob of that name and size, or undefined for a name that is none of ours. */
  digestOf(name: string, sizeBytes: number): Digest | undefined {
    const [digestFunction, hash, ...more] = name.slice(this.blobPrefix.length).split('/')
    if (more.length > 0 || hash === undefined || !name.startsWith(this.blobPrefix)) return undefined
    if (!digestFunctions.some((known) => known === digestFunction)) return undefined
    try {
      return createDigest(hash, sizeBytes, digestFunction as DigestFunction)
    } catch {
      return undefined
    }
  }

  /** The hash of the key makes the name unique and short, the namespace before it makes it found by a prefix. */
  entry(key: ActionKey): string {
    const { hash } = digestOf(Buffer.from(JSON.stringify(actionKeyString(key))))
    return `${this.entryPrefix(key.namespace)}/${hash}`
  }

  /** What the names of all entries begin with whose namespaces begin so; others may begin with it as well. */
  entryPrefix(namespacePrefix: string): string {
    return `${this.#prefix}ac/${encodeNamespace(namespacePrefix)}`
  }
}

/** Encodes a namespace character by character, so that what it begins with stays what it begins with. */
function encodeNamespace(namespace: string): string {
  let encoded = ''
  for (let index = 0; index < namespace.length; index++) {
    const character = namespace.charAt(index)
    const isPlain = /[A-Za-z0-9_.:-]/.test(character)
    const next = isPlain ? character : `~${namespace.charCodeAt(index).toString(16).padStart(4, '0')}`
    if (encoded.length + next.length > MAX_NAMESPACE_LENGTH) return encoded
    encoded += next
  }
  return encoded
}
