import type {
  BlobCondition,
  BlobInfo,
  BlobReader,
  BlobSource,
  CheckOptions,
  Digest,
  DigestFunction,
  OperationOptions,
  ReadOptions,
  Status,
} from '@caskade/core'
import { StorageABC } from '@caskade/core'
import { FaultInjector } from './fault-injector.ts'
import type { FaultPlan, FaultyStorageMethod } from './fault-plan.ts'

/**
 * Passes everything on to a storage, and has a plan interfere: fail, hang, damage.
 *
 * For tests of what is built on storages. It starts and stops the storage inside. Without a plan it keeps every rule of
 * the contract; what it costs is a call.
 */
export class FaultyStorage extends StorageABC {
  static override readonly TYPE: string = 'Faulty'

  /** The storage inside, where a test can look at what really happened. */
  readonly inner: StorageABC
  readonly #injector: FaultInjector<FaultyStorageMethod>

  constructor(inner: StorageABC, plan: FaultPlan = {}) {
    super()
    this.inner = inner
    this.#injector = new FaultInjector(plan)
  }

  /** What goes wrong from now on; calls under way go on under the plan that they began with. Set it to `{}` for nothing. */
  get plan(): FaultPlan {
    return this.#injector.plan
  }

  set plan(plan: FaultPlan) {
    this.#injector.plan = plan
  }

  /** How often each operation was called, successful or not; those that never were are not in it. */
  get calls(): FaultInjector<FaultyStorageMethod>['calls'] {
    return this.#injector.calls
  }

  /** Begins counting anew, for `calls` and for plans about the nth call. */
  forgetCalls(): void {
    this.#injector.forgetCalls()
  }

  protected override async onStart(): Promise<void> {
    await this.plan.onStart?.()
    await this.inner.start()
  }

  protected override async onStop(): Promise<void> {
    await this.inner.stop()
    await this.plan.onStop?.()
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    return this.#run('hasBlob', [digest], options, () => this.inner.hasBlob(digest, options))
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    const call = this.#begin('getBlob', [digest], options)
    const reader = await call.run(() => this.inner.getBlob(digest, options))
    return reader === null ? null : call.replaceReader(reader)
  }

  override async checkBlob(digest: Digest, options: CheckOptions = {}): Promise<BlobCondition> {
    return this.#run('checkBlob', [digest], options, () => this.inner.checkBlob(digest, options))
  }

  override async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    return this.#run('deleteBlob', [digest], options, () => this.inner.deleteBlob(digest, options))
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    return this.#run('commitWrite', [digest], options, () => this.inner.commitWrite(digest, source, options))
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: OperationOptions = {},
  ): Promise<Digest | null> {
    return this.#run('resolveHash', [{ hash }], options, () => this.inner.resolveHash(hash, digestFunction, options))
  }

  override async *listBlobs(options: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    const blobs = await this.#run('listBlobs', [], options, async () => this.inner.listBlobs(options))
    yield* blobs
  }

  override async bulkDelete(digests: readonly Digest[], options: OperationOptions = {}): Promise<string[]> {
    return this.#run('bulkDelete', digests, options, () => this.inner.bulkDelete(digests, options))
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    return this.#run('missingBlobs', digests, options, () => this.inner.missingBlobs(digests, options))
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    const digests = blobs.map(([digest]) => digest)
    return this.#run('bulkUpdateBlobs', digests, options, () => this.inner.bulkUpdateBlobs(blobs, options))
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: OperationOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    const call = this.#begin('bulkReadBlobs', digests, options)
    const found = await call.run(() => this.inner.bulkReadBlobs(digests, options))
    for (const [hash, bytes] of found) found.set(hash, await call.replaceBytes(bytes))
    return found
  }

  async #run<Result>(
    method: FaultyStorageMethod,
    blobs: readonly { readonly hash: string }[],
    options: OperationOptions,
    operation: () => Promise<Result>,
  ): Promise<Result> {
    return this.#begin(method, blobs, options).run(operation)
  }

  #begin(
    method: FaultyStorageMethod,
    blobs: readonly { readonly hash: string }[],
    { signal }: OperationOptions,
  ): ReturnType<FaultInjector<FaultyStorageMethod>['begin']> {
    this.assertRunning(signal)
    const names = blobs.map(({ hash }) => hash)
    return this.#injector.begin(method, names, signal)
  }
}
