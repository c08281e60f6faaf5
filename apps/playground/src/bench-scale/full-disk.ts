import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { withSmallDisk } from '@caskade/conformance'
import type { Digest } from '@caskade/core'
import { mapLimit } from '@caskade/core'
import type { Blob } from '../bench-server/blobs.ts'
import { BlobMaker } from '../bench-server/blobs.ts'
import { RunningSubject } from '../bench-server/subject.ts'
import type { HttpAnswer } from './http-client.ts'
import { sendHttp } from './http-client.ts'
import type { ScaleRun } from './scale-run.ts'
import type { ScaleSubject } from './scale-subject.ts'

const MIB = 1024 ** 2

/** A disk that is full long before the quota is. */
const DISK_BYTES = 192 * MIB
const QUOTA_BYTES = 1024 * MIB

/** Small ones and larger ones, in turn: for backends that store them differently. */
const SIZES = [1024, 100 * 1024]

/** So many are written that the disk is full, and how many are tried then. */
const MAX_WRITES = 8000
const REFUSED_WRITES = 1000
const READS = 4000

const IN_FLIGHT = 8

/** What came of a server on a full disk. */
export interface FullDiskResult {
  readonly subject: string
  readonly acknowledged: number
  readonly refused: number
  /** With which status and words it refused at first. */
  readonly refusal: string
  /** How many of the acknowledged blobs could be read in the end. */
  readonly readable: number
  readonly readsMeanwhile: number
  readonly failedReads: number
  readonly readP99Ms: number
}

/** Fills a small disk with what is stored, goes on writing, and reads meanwhile. Resolves to undefined where no disk can be mounted. */
export async function measureFullDisk(
  { kind }: ScaleSubject,
  { seed, folder, signal }: Pick<ScaleRun, 'seed' | 'folder' | 'signal'>,
): Promise<FullDiskResult | undefined> {
  let result: FullDiskResult | undefined
  await withSmallDisk({ sizeBytes: DISK_BYTES }, async (disk) => {
    // Nothing but the store is on the small disk: what the server says must not fail to be written.
    const own = await mkdtemp(join(folder, 'full-disk-'))
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(own, { recursive: true, force: true }))
    await symlink(disk, join(own, 'store'))
    await using server = await RunningSubject.start(kind, own, { maxBytes: QUOTA_BYTES })
    using client = new Client(server.address('http'))
    const maker = new BlobMaker(seed)
    const acknowledged: Digest[] = []
    const refusals: HttpAnswer[] = []
    const write = async (index: number): Promise<void> => {
      signal.throwIfAborted()
      const [blob] = maker.make(`disk ${index}`, 1, SIZES[index % SIZES.length] ?? MIB)
      if (blob === undefined) return
      const answer = await client.put(blob)
      if (answer.status < 300) acknowledged.push(blob.digest)
      else refusals.push(answer)
    }

    for (let index = 0; index < MAX_WRITES && refusals.length < IN_FLIGHT; index += IN_FLIGHT) {
      await mapLimit(numbers(index, IN_FLIGHT), IN_FLIGHT, write)
    }
    const known = acknowledged.slice()
    const times: number[] = []
    let failedReads = 0
    const read = async (index: number): Promise<void> => {
      const began = performance.now()
      if (!(await client.has(known[index % known.length]))) failedReads += 1
      times.push(performance.now() - began)
    }
    await Promise.all([
      mapLimit(numbers(MAX_WRITES, REFUSED_WRITES), IN_FLIGHT, write),
      mapLimit(numbers(0, READS), IN_FLIGHT, read),
    ])
    let readable = 0
    await mapLimit(acknowledged, IN_FLIGHT, async (digest) => {
      if (await client.has(digest)) readable += 1
    })
    result = {
      subject: kind.name,
      acknowledged: acknowledged.length,
      refused: refusals.length,
      refusal: describe(refusals[0]),
      readable,
      readsMeanwhile: times.length,
      failedReads,
      readP99Ms: times.toSorted((left, right) => left - right)[Math.floor(times.length * 0.99)] ?? Number.NaN,
    }
  })
  return result
}

/** Stores and reads blobs over a few connections. */
class Client implements Disposable {
  readonly #address: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 * IN_FLIGHT })

  constructor(address: string) {
    this.#address = address
  }

  put({ digest, bytes }: Blob): Promise<HttpAnswer> {
    return this.#send('PUT', digest, bytes)
  }

  /** Whether all of a blob is answered with. */
  async has(digest: Digest | undefined): Promise<boolean> {
    if (digest === undefined) return false
    const { status, body } = await this.#send('GET', digest)
    return status === 200 && body.byteLength === digest.sizeBytes
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  #send(method: 'GET' | 'PUT', { hash }: Digest, body?: Uint8Array): Promise<HttpAnswer> {
    return sendHttp({ address: this.#address, method, path: `/cas/${hash}`, body, agent: this.#agent })
  }
}

function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index)
}

/** In one line, without what is about this machine. */
function describe(answer: HttpAnswer | undefined): string {
  if (answer === undefined) return 'nothing was refused'
  const text = answer.body.toString('utf8').replaceAll(/\s+/g, ' ').replaceAll(/\/\S*/g, '...').trim()
  return `${answer.status} ${text}`.trim()
}
