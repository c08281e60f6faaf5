import type { Digest } from '@caskade/core'
import { digestOf } from '@caskade/core'
import type { Blob } from '../bench-server/blobs.ts'
import { BlobMaker } from '../bench-server/blobs.ts'
import type { ActionOutcome } from '../bench-server/grpc-requests.ts'
import { actionOver } from '../bench-server/grpc-requests.ts'

/** Sizes are distributed log-normally: half of the blobs are smaller than this, in bytes. */
const MEDIAN_BYTES = 1024

/** The standard deviation of the logarithms of sizes: two thirds are between 0.6 and 1.65 times the median. */
const SPREAD = 0.5

const MIN_BYTES = 64
const MAX_BYTES = 16 * 1024

/** Content is cut from so much that is made once: making it anew for millions would take longer than storing it. */
const POOL_BYTES = 1024 * 1024

/** What tells blobs apart: the number of each, at its beginning. */
const NUMBER_BYTES = 8

/** Of so many blobs one is the first output of an action. */
export const BLOBS_PER_ACTION = 50

/** Blobs numbered from 0 on, each of which can be made again by itself: nothing is kept of those that were stored. */
export class BlobSeries {
  readonly #pool: Buffer
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
    const [pool] = new BlobMaker(seed).make('pool', 1, POOL_BYTES)
    this.#pool = pool?.bytes ?? Buffer.alloc(POOL_BYTES)
  }

  blob(number: number): Blob {
    const bytes = Buffer.allocUnsafe(this.#sizeOf(number))
    const from = Math.floor(this.#random(number, 2) * (POOL_BYTES - bytes.byteLength))
    this.#pool.copy(bytes, 0, from)
    // The seed is in the content of the pool.
    bytes.writeBigUInt64LE(BigInt(number), bytes.byteLength - NUMBER_BYTES)
    return { digest: digestOf(bytes), bytes }
  }

  digest(number: number): Digest {
    return this.blob(number).digest
  }

  /** The action number `number` and what came of it: three outputs and a log, from all over the blobs up to the first of them. */
  outcome(number: number): ActionOutcome {
    const newest = number * BLOBS_PER_ACTION
    const others = [3, 4, 5].map((purpose) => Math.floor(this.#random(number, purpose) * (newest + 1)))
    const [first, second, third, log] = [newest, ...others].map((at) => this.blob(at))
    if (first === undefined || second === undefined || third === undefined || log === undefined) {
      throw new RangeError(`there is no action ${number}`)
    }
    return { action: actionOver(first), outputs: [first, second, third], log }
  }

  #sizeOf(number: number): number {
    // Box and Muller's way from two uniform numbers to a normal one.
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random(number, 0)))
    const normal = radius * Math.cos(2 * Math.PI * this.#random(number, 1))
    return Math.min(MAX_BYTES, Math.max(MIN_BYTES, Math.round(MEDIAN_BYTES * Math.exp(SPREAD * normal))))
  }

  /** A number from 0 to below 1, the same one whenever it is asked for. */
  #random(number: number, purpose: number): number {
    return randomAt(this.#seed, number, purpose)
  }
}

/** A number from 0 to below 1 that depends on three others alone (the mixing of MurmurHash3). */
export function randomAt(seed: number, number: number, purpose: number): number {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
  for (const part of [number, Math.floor(number / 2 ** 32), purpose]) {
    mixed = Math.imul(mixed ^ part, 0xcc9e2d51)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x1b873593) + 0xe6546b64
  }
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
}
