import { randomUUID } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import type { Digest } from '@caskade/core'
import { digestOf } from '@caskade/core'
import type { StreamCompressor } from '@caskade/reapi'
import { formatReadName, formatWriteName } from '@caskade/reapi'
import {
  ActionResultSchema,
  ActionSchema,
  BatchReadBlobsRequestSchema,
  BatchUpdateBlobsRequestSchema,
  FindMissingBlobsRequestSchema,
  GetActionResultRequestSchema,
  ReadRequestSchema,
  UpdateActionResultRequestSchema,
  WriteRequestSchema,
} from '@caskade/reapi/messages'
import { bazelHeaders } from './bazel-headers.ts'
import type { Blob } from './blobs.ts'
import type { PreparedRequest } from './request-file.ts'

const CAS = '/build.bazel.remote.execution.v2.ContentAddressableStorage'
const ACTION_CACHE = '/build.bazel.remote.execution.v2.ActionCache'
const BYTE_STREAM = '/google.bytestream.ByteStream'

const OK = 0
const NOT_FOUND = 5

/** What Bazel sends of a blob in one message, in bytes. */
const MESSAGE_BYTES = 16 * 1024

/** How many different actions the calls are made for. */
const ACTIONS = 256

/** An action and what came of it. */
export interface ActionOutcome {
  readonly action: Blob
  readonly outputs: readonly Blob[]
  readonly log: Blob
}

/** An action that has a blob as its input; servers that look into actions must find one. */
export function actionOver({ digest }: Blob): Blob {
  const bytes = Buffer.from(message(ActionSchema, { commandDigest: wire(digest), inputRootDigest: wire(digest) }))
  return { bytes, digest: digestOf(bytes) }
}

export function getActionResult({ action }: ActionOutcome, index: number, isHit: boolean): PreparedRequest {
  const request = message(GetActionResultRequestSchema, { actionDigest: wire(action.digest) })
  return call(`${ACTION_CACHE}/GetActionResult`, index, [request], { status: isHit ? OK : NOT_FOUND })
}

/** What is stored for an action, as it is encoded. */
export function encodeActionResult(outcome: ActionOutcome): Uint8Array {
  return message(ActionResultSchema, actionResultOf(outcome))
}

function actionResultOf({ outputs, log }: ActionOutcome): MessageInitShape<typeof ActionResultSchema> {
  return {
    outputFiles: outputs.map(({ digest }, at) => ({
      path: `bazel-out/k8-fastbuild/bin/lib/${at}.o`,
      digest: wire(digest),
    })),
    stdoutDigest: wire(log.digest),
  }
}

export function updateActionResult(outcome: ActionOutcome, index: number): PreparedRequest {
  const request = message(UpdateActionResultRequestSchema, {
    actionDigest: wire(outcome.action.digest),
    actionResult: actionResultOf(outcome),
  })
  return call(`${ACTION_CACHE}/UpdateActionResult`, index, [request])
}

export function findMissingBlobs(digests: readonly Digest[], index: number): PreparedRequest {
  const request = message(FindMissingBlobsRequestSchema, { blobDigests: digests.map(wire) })
  return call(`${CAS}/FindMissingBlobs`, index, [request])
}

export function batchReadBlobs(blobs: readonly Blob[], index: number): PreparedRequest {
  const request = message(BatchReadBlobsRequestSchema, { digests: blobs.map(({ digest }) => wire(digest)) })
  return call(`${CAS}/BatchReadBlobs`, index, [request], { expect: sizeOf(blobs) })
}

export function batchUpdateBlobs(blobs: readonly Blob[], index: number): PreparedRequest {
  const request = message(BatchUpdateBlobsRequestSchema, {
    requests: blobs.map(({ digest, bytes }) => ({ digest: wire(digest), data: bytes })),
  })
  return call(`${CAS}/BatchUpdateBlobs`, index, [request])
}

export function readBlob({ digest }: Blob, index: number, compressor: StreamCompressor): PreparedRequest {
  const resourceName = formatReadName({ instanceName: '', digest, compressor })
  const request = message(ReadRequestSchema, { resourceName })
  return call(`${BYTE_STREAM}/Read`, index, [request], { expect: compressor === 'identity' ? digest.sizeBytes : 1 })
}

export function writeBlob({ digest, bytes }: Blob, index: number, compressor: StreamCompressor): PreparedRequest {
  const resourceName = formatWriteName({ instanceName: '', digest, compressor, uuid: randomUUID() })
  const content = compressor === 'identity' ? bytes : zstdCompressSync(bytes)
  const messages: Uint8Array[] = []
  for (let at = 0; at < content.byteLength; at += MESSAGE_BYTES) {
    const data = content.subarray(at, at + MESSAGE_BYTES)
    const finishWrite = at + data.byteLength === content.byteLength
    const first = at === 0 ? { resourceName } : {}
    messages.push(message(WriteRequestSchema, { ...first, writeOffset: BigInt(at), data, finishWrite }))
  }
  return call(`${BYTE_STREAM}/Write`, index, messages)
}

function call(
  path: string,
  index: number,
  messages: readonly Uint8Array[],
  { status = OK, expect = 0 }: { readonly status?: number; readonly expect?: number } = {},
): PreparedRequest {
  return {
    method: 'POST',
    path,
    headers: bazelHeaders(index % ACTIONS),
    status,
    expect,
    body: messages.flatMap(framed),
  }
}

function message<Schema extends DescMessage>(schema: Schema, content: MessageInitShape<Schema>): Uint8Array {
  return toBinary(schema, create(schema, content))
}

/** A message behind its prefix (gRPC over HTTP/2, "Length-Prefixed-Message"). */
function framed(bytes: Uint8Array): Uint8Array[] {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.byteLength, 1)
  return [prefix, bytes]
}

function wire({ hash, sizeBytes }: Digest): { hash: string; sizeBytes: bigint } {
  return { hash, sizeBytes: BigInt(sizeBytes) }
}

function sizeOf(blobs: readonly Blob[]): number {
  return blobs.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
}
