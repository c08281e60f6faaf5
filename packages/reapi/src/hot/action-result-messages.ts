import type { ReadDigest } from './digest-message.ts'
import { readDigestMessage } from './digest-message.ts'
import { MessageReader } from './message-reader.ts'

/** A `GetActionResultRequest` (Remote Execution API), read by hand. */
export interface GetResultRequest {
  readonly instanceName: string
  readonly actionDigest: ReadDigest | undefined
  readonly inlineStdout: boolean
  readonly inlineStderr: boolean
  readonly inlineOutputFiles: readonly string[]
  readonly digestFunction: number
}

/** The digests that an `ActionResult` names, read by hand and not checked. */
export interface ResultDigests {
  /** Of files, standard output and standard error. */
  readonly blobs: readonly ReadDigest[]
  readonly directories: readonly DirectoryDigests[]
}

/** Those of one `OutputDirectory`. */
export interface DirectoryDigests {
  readonly treeDigest: ReadDigest | undefined
  readonly rootDirectoryDigest: ReadDigest | undefined
}

/** How many outputs a request may ask to be inlined. */
const MAX_INLINED_FILES = 100_000

/** Reads a request. Throws when it is malformed, or asks for too many outputs. */
export function decodeGetResultRequest(bytes: Buffer): GetResultRequest {
  const reader = new MessageReader(bytes)
  let instanceName = ''
  let actionDigest: ReadDigest | undefined
  let inlineStdout = false
  let inlineStderr = false
  const inlineOutputFiles: string[] = []
  let digestFunction = 0
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === 0x12) actionDigest = readDigestMessage(reader, actionDigest)
    else if (tag === 0x0a) instanceName = reader.string()
    else if (tag === 0x18) inlineStdout = reader.int64() !== 0
    else if (tag === 0x20) inlineStderr = reader.int64() !== 0
    else if (tag === 0x30) digestFunction = reader.int32()
    else if (tag === 0x2a) {
      if (inlineOutputFiles.length === MAX_INLINED_FILES)
        throw new RangeError(`it names more than ${MAX_INLINED_FILES} outputs`)
      inlineOutputFiles.push(reader.string())
    } else reader.skip(tag)
  }
  return { instanceName, actionDigest, inlineStdout, inlineStderr, inlineOutputFiles, digestFunction }
}

/** Reads what an `ActionResult` names. Throws when any of it, messages within it included, is malformed. */
export function readResultDigests(bytes: Buffer): ResultDigests {
  const reader = new MessageReader(bytes)
  const blobs: ReadDigest[] = []
  const directories: DirectoryDigests[] = []
  let stdoutDigest: ReadDigest | undefined
  let stderrDigest: ReadDigest | undefined
  while (!reader.isAtEnd) {
    const tag = reader.tag()
    if (tag === 0x12) {
      const digest = readFile(reader)
      if (digest !== undefined) blobs.push(digest)
    } else if (tag === 0x1a) directories.push(readDirectory(reader))
    else if (tag === 0x32) stdoutDigest = readDigestMessage(reader, stdoutDigest)
    else if (tag === 0x42) stderrDigest = readDigestMessage(reader, stderrDigest)
    else passOver(reader, tag, RESULT)
  }
  if (stdoutDigest !== undefined) blobs.push(stdoutDigest)
  if (stderrDigest !== undefined) blobs.push(stderrDigest)
  return { blobs, directories }
}

/** The messages within a message, by their tags. */
type Shape = ReadonlyMap<number, Shape>

const FLAT: Shape = new Map()
const NODE_PROPERTIES: Shape = shape({ 1: FLAT, 2: FLAT, 3: FLAT })
const FILE: Shape = shape({ 7: NODE_PROPERTIES })
const SYMLINK: Shape = shape({ 4: NODE_PROPERTIES })
const EXECUTION_METADATA: Shape = shape(
  Object.fromEntries(Array.from({ length: 11 }, (_, index) => [index + 2, FLAT] as const)),
)
const RESULT: Shape = shape({ 9: EXECUTION_METADATA, 10: SYMLINK, 11: SYMLINK, 12: SYMLINK })

function shape(byField: Readonly<Record<number, Shape>>): Shape {
  return new Map(Object.entries(byField).map(([field, inner]) => [Number(field) * 8 + 2, inner]))
}

function readFile(reader: MessageReader): ReadDigest | undefined {
  let digest: ReadDigest | undefined
  const end = reader.enter()
  while (reader.position < end) {
    const tag = reader.tag()
    if (tag === 0x12) digest = readDigestMessage(reader, digest)
    else passOver(reader, tag, FILE)
  }
  assertAt(reader, end)
  return digest
}

function readDirectory(reader: MessageReader): DirectoryDigests {
  let treeDigest: ReadDigest | undefined
  let rootDirectoryDigest: ReadDigest | undefined
  const end = reader.enter()
  while (reader.position < end) {
    const tag = reader.tag()
    if (tag === 0x1a) treeDigest = readDigestMessage(reader, treeDigest)
    else if (tag === 0x2a) rootDirectoryDigest = readDigestMessage(reader, rootDirectoryDigest)
    else reader.skip(tag)
  }
  assertAt(reader, end)
  return { treeDigest, rootDirectoryDigest }
}

/** Passes over a field, through the messages in it. */
function passOver(reader: MessageReader, tag: number, outer: Shape): void {
  const inner = outer.get(tag)
  if (inner === undefined) {
    reader.skip(tag)
    return
  }
  const end = reader.enter()
  while (reader.position < end) passOver(reader, reader.tag(), inner)
  assertAt(reader, end)
}

function assertAt(reader: MessageReader, end: number): void {
  if (reader.position !== end) throw new RangeError('a message ends within a field')
}
