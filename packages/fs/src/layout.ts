import { createHash } from 'node:crypto'
import { join, sep } from 'node:path'
import type { ActionKey, Digest, DigestFunction } from '@caskade/core'
import { digestFunctions } from '@caskade/core'

/** The version of what is on disk. Folders of a newer one are refused. */
export const FORMAT_VERSION = 1

/** How many characters of an encoded namespace are in the names of files; a longer one is cut off and ends in its hash. */
const NAMESPACE_CHARACTERS = 100

/** How long the hashes are that name files, in hexadecimal digits. Entries are named by SHA-256. */
const HASH_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha1: 40, sha384: 96, sha512: 128, blake3: 64 }

/** Where a stored file belongs, however it is named at the moment: `cas.<function>.<hash>` or `ac.<namespace>.<hash>`. */
export type StoredName = string

/** What the names of blobs begin with. */
const BLOB_PREFIX = 'cas.'

/** What the names of entries begin with. */
const ENTRY_PREFIX = 'ac.'

/** Where everything is in the folder of a backend. */
export class Layout {
  readonly root: string
  readonly blobs: string
  readonly entries: string
  /** Holds a folder for each process at work: files that are being written, taken out of their place, or read. */
  readonly temporary: string
  readonly ledgers: string
  readonly format: string

  constructor(root: string) {
    this.root = root
    this.blobs = join(root, 'cas')
    this.entries = join(root, 'ac')
    this.temporary = join(root, 'tmp')
    this.ledgers = join(root, 'ledgers')
    this.format = join(root, 'format.json')
  }

  /** The path at which a stored file is found. */
  pathOf(name: StoredName): string {
    const file = name.startsWith(BLOB_PREFIX) ? hashOf(name) : name.slice(ENTRY_PREFIX.length)
    return `${this.folderOf(name)}${sep}${file}`
  }

  /**
   * The folder in which a stored file is found: one of 256 for each digest function, and one of 256 for entries. Namespaces
   * have none of their own: clients choose them, and folders take room.
   */
  folderOf(name: StoredName): string {
    const hashAt = name.lastIndexOf('.') + 1
    const bucket = name.slice(hashAt, hashAt + 2)
    if (!name.startsWith(BLOB_PREFIX)) return `${this.entries}${sep}${bucket}`
    return `${this.blobs}${sep}${name.slice(BLOB_PREFIX.length, hashAt - 1)}${sep}${bucket}`
  }
}

/** How many beginnings of hashes there are by which files are divided among folders. */
export const BUCKETS = 256

/** Recognises the name of a folder as such a beginning. */
export function isBucket(folder: string): boolean {
  return /^[\da-f]{2}$/.test(folder)
}

/** Names the file of a blob. */
export function blobName({ hash, digestFunction = 'sha256' }: Pick<Digest, 'hash' | 'digestFunction'>): StoredName {
  return `${BLOB_PREFIX}${digestFunction}.${hash}`
}

/** Names the file of an entry. */
export function entryName({ namespace, key }: ActionKey): StoredName {
  const hash = createHash('sha256')
    .update(Buffer.from(`${namespace}\0${key}`, 'utf16le'))
    .digest('hex')
  return `${ENTRY_PREFIX}${encodeNamespace(namespace)}.${hash}`
}

/** The hash in the name of a stored file. */
export function hashOf(name: StoredName): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** The digest function in the name of a blob's file. */
export function functionOf(name: StoredName): DigestFunction {
  return name.split('.')[1] as DigestFunction
}

/** Recognises a folder below `cas` that can hold the files of blobs. */
export function isFunction(folder: string): folder is DigestFunction {
  return (digestFunctions as readonly string[]).includes(folder)
}

/** Names the file of a blob, given the digest function and the beginning; undefined for what nobody here has put there. */
export function blobFileName(group: DigestFunction, bucket: string, file: string): StoredName | undefined {
  const isOurs = file.length === HASH_LENGTHS[group] && file.startsWith(bucket) && /^[\da-f]+$/.test(file)
  return isOurs ? `${BLOB_PREFIX}${group}.${file}` : undefined
}

/** Names the file of an entry likewise. */
export function entryFileName(bucket: string, file: string): StoredName | undefined {
  const [, hash] = /^[\da-z_%~-]+\.([\da-f]{64})$/.exec(file) ?? []
  return hash?.startsWith(bucket) === true ? `${ENTRY_PREFIX}${file}` : undefined
}

/** Tells whether an entry may be one of a namespace that starts with a prefix. */
export function mayBeIn(name: StoredName, namespacePrefix: string): boolean {
  const encoded = encode(namespacePrefix)
  const [known = '', hash] = (name.split('.')[1] ?? '').split('~')
  return known.startsWith(encoded) || (hash !== undefined && encoded.startsWith(known))
}

/** What stands for a namespace in the names of files. */
function encodeNamespace(namespace: string): string {
  const encoded = encode(namespace)
  if (encoded.length <= NAMESPACE_CHARACTERS) return encoded
  const hash = createHash('sha256').update(encoded).digest('hex')
  return `${encoded.slice(0, NAMESPACE_CHARACTERS)}~${hash.slice(0, 32)}`
}

/** Keeps what every file system takes for itself, whatever it thinks of capitals; `%` and four digits for the rest. */
function encode(text: string): string {
  return text.replaceAll(/[^\da-z_-]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
