import type { Method } from '@caskade/grpc'
import { ActionCacheService } from './action-cache-service.ts'
import { ActionResults } from './action-results.ts'
import { ByteStreamService } from './byte-stream-service.ts'
import { capabilitiesMethods } from './capabilities-service.ts'
import { CasService } from './cas-service.ts'
import { DigestReader } from './digests.ts'
import { EncodedActionResults } from './encoded-action-results.ts'
import { HealthService } from './health-service.ts'
import type { ReapiOptions } from './reapi-options.ts'
import { resolveOptions } from './reapi-options.ts'
import { UploadRegistry } from './upload-registry.ts'

/** The services of a cache: ActionCache, ContentAddressableStorage, ByteStream, Capabilities and Health, over one backend. */
export class ReapiServices implements AsyncDisposable {
  /** What a `GrpcServer` serves. */
  readonly methods: readonly Method[]
  /** Those of them that tell of the server's health, for one that serves nothing else. */
  readonly healthMethods: readonly Method[]
  /** The results of actions, for protocols other than gRPC. */
  readonly actionResults: EncodedActionResults
  readonly #uploads: UploadRegistry
  readonly #health: HealthService

  constructor(options: ReapiOptions) {
    const settings = resolveOptions(options)
    const digests = new DigestReader(settings.digestFunctions)
    const { uploadDirectory, spoolBudget, resumeWithinMs } = settings
    this.#uploads = new UploadRegistry(uploadDirectory, spoolBudget, resumeWithinMs)
    const results = new ActionResults(settings, digests)
    this.actionResults = new EncodedActionResults(results)
    const caching = [
      ...capabilitiesMethods(settings),
      ...new ActionCacheService(settings, digests, results).methods(),
      ...new CasService(settings, digests).methods(),
      ...new ByteStreamService(settings, digests, this.#uploads).methods(),
    ]
    this.#health = new HealthService(new Set(caching.map(({ path }) => path.split('/')[1] ?? '')))
    this.healthMethods = this.#health.methods()
    this.methods = [...caching, ...this.healthMethods]
  }

  /** Tells those who ask for the server's health that it is about to stop. */
  stopServing(): void {
    this.#health.stopServing()
  }

  /** Gives up the uploads that were begun and not completed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#uploads[Symbol.asyncDispose]()
  }
}
