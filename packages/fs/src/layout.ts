import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { ActionKey, Digest, DigestFunction } from '@caskade/core'
import { digestFunctions } from '@caskade/core'

/** The version of what is on disk. Folders of a newer one are refused. */
export const FORMAT_VERSION = 1

/** How many characters of an encoded namespace a folder is named by; a longer one is cut off and ends in its hash. */
const NAMESPACE_CHARACTERS = 100

/** How long the hashes are that name files, in hexadecimal digits. Entries are named by SHA-256. */
const HASH_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha1: 40, sha384: 96, sha512: 128, blake3: 64 }

/** Where a stored file belongs, however it is named at the moment: `cas.<function>.<hash>` or `ac.<namespace>.<hash>`. */
export type StoredName = string

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
    return join(this.folderOf(name), hashOf(name))
  }

  /** The folder in which a stored file is found: one of 256 for each digest function and each namespace. */
  folderOf(name: StoredName): string {
    const [area = '', group = '', hash = ''] = name.split('.')
    return join(this.root, area, group, hash.slice(0, 2))
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
  return `cas.${digestFunction}.${hash}`
}

/** Names the file of an entry. */
export function entryName({ namespace, key }: ActionKey): StoredName {
  const hash = createHash('sha256')
    .update(Buffer.from(`${namespace}\0${key}`, 'utf16le'))
    .digest('hex')
  return `ac.${namespaceFolder(namespace)}.${hash}`
}

/** The hash in the name of a stored file. */
export function hashOf(name: StoredName): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** The digest function in the name of a blob's file. */
export function functionOf(name: StoredName): DigestFunction {
  return name.split('.')[1] as DigestFunction
}

/** Recognises a folder below `cas` or `ac` that can hold stored files. */
export function isGroup(area: string, folder: string): boolean {
  return area === 'cas' ? (digestFunctions as readonly string[]).includes(folder) : /^[\da-z_%~-]+$/i.test(folder)
}

/** Names a file in one of the 256 folders by its path; undefined for what nobody here has put there. */
export function storedName(area: string, group: string, bucket: string, file: string): StoredName | undefined {
  const length = HASH_LENGTHS[area === 'cas' ? group : 'sha256']
  return file.length === length && file.startsWith(bucket) && /^[\da-f]+$/.test(file)
    ? `${area}.${group}.${file}`
    : undefined
}

/** The folder of a namespace. Beginnings stay beginnings, see {@link mayStartWith}. */
export function namespaceFolder(namespace: string): string {
  const encoded = encode(namespace)
  if (encoded.length <= NAMESPACE_CHARACTERS) return encoded
  const hash = createHash('sha256').update(encoded).digest('hex')
  return `${encoded.slice(0, NAMESPACE_CHARACTERS)}~${hash.slice(0, 32)}`
}

/** Tells whether a folder may belong to a namespace that starts with a prefix. */
export function mayStartWith(folder: string, prefix: string): boolean {
  const encoded = encode(prefix)
  const [known = '', hash] = folder.split('~')
  return known.startsWith(encoded) || (hash !== undefined && encoded.startsWith(known))
}

/** Keeps what every file system takes for itself, whatever it thinks of capitals; `%` and four digits for the rest. */
function encode(text: string): string {
  return text.replaceAll(/[^\da-z_-]/g, (character) => `%${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
