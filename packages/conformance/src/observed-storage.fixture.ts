import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions, Status } from '@caskade/core'
import { collectSource, readerFromBytes, sourceFromBytes } from '@caskade/core'
import { ReferenceStorage } from './index.ts'

/** A storage that notes what it is asked in bulk, waits where it is told to, and fails or damages on request. */
export class ObservedStorage extends ReferenceStorage {
  /** The bulk calls, as the method and how many items it was given. */
  bulkCalls: string[] = []
  /** What every operation rejects with. */
  failure: Error | undefined
  /** What `start` and `stop` add to. */
  log: string[] = []
  name = ''
  failsToStart = false
  /** Delivers content with its last bit flipped. */
  damages = false
  /** Awaited before content is looked for. */
  onRead: () => Promise<void> = async () => undefined
  /** Awaited once a source was read to its end, before the blob is stored. */
  onCommit: () => Promise<void> = async () => undefined
  readonly #waiting = new Map<string, () => void>()

  protected override async onStart(): Promise<void> {
    if (this.failsToStart) throw new Error('cannot start')
    this.log.push(`+${this.name}`)
  }

  protected override async onStop(): Promise<void> {
    this.log.push(`-${this.name}`)
  }

  protected override assertRunning(signal: AbortSignal | undefined): void {
    super.assertRunning(signal)
    if (this.failure !== undefined) throw this.failure
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    await this.onRead()
    const reader = await super.getBlob(digest, options)
    if (reader === null || !this.damages) return reader
    const bytes = Uint8Array.from(await reader.bytes())
    bytes[bytes.byteLength - 1] = (bytes.at(-1) ?? 0) ^ 1
    return readerFromBytes(bytes)
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    const bytes = await collectSource(source, digest, options)
    await this.onCommit()
    await super.commitWrite(digest, sourceFromBytes(bytes), options)
    this.#waiting.get(digest.hash)?.()
  }

  override missingBlobs(digests: readonly Digest[], options?: OperationOptions): Promise<Digest[]> {
    this.bulkCalls.push(`missingBlobs ${digests.length}`)
    return super.missingBlobs(digests, options)
  }

  override bulkReadBlobs(digests: readonly Digest[], options?: OperationOptions): Promise<Map<string, Uint8Array>> {
    this.bulkCalls.push(`bulkReadBlobs ${digests.length}`)
    return super.bulkReadBlobs(digests, options)
  }

  override bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options?: OperationOptions,
  ): Promise<Status[]> {
    this.bulkCalls.push(`bulkUpdateBlobs ${blobs.length}`)
    return super.bulkUpdateBlobs(blobs, options)
  }

  override bulkDelete(digests: readonly Digest[], options?: OperationOptions): Promise<string[]> {
    this.bulkCalls.push(`bulkDelete ${digests.length}`)
    return super.bulkDelete(digests, options)
  }

  /** Tells whether the blob is here, without asking. */
  holds({ hash }: Digest): boolean {
    return this.blobs.has(hash)
  }

  /** Waits until the blob is stored. */
  async stored({ hash }: Digest): Promise<void> {
    if (this.blobs.has(hash)) return
    await new Promise<void>((resolve) => void this.#waiting.set(hash, resolve))
  }
}
