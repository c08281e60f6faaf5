import { create } from '@bufbuild/protobuf'
import type { CallContext, Method } from '@caskade/grpc'
import { GrpcError, serverStreamingMethod, StatusCode, unaryMethod } from '@caskade/grpc'
import { codecOf } from './codec.ts'
import { health } from './messages.ts'

const { Health, HealthCheckResponse_ServingStatus: ServingStatus, HealthCheckResponseSchema } = health

/** `grpc.health.v1.Health`: whether the server takes calls. Everything it serves lives and dies together. */
export class HealthService {
  readonly #services: ReadonlySet<string>
  readonly #changed = new EventTarget()
  #isServing = true

  /** `services` are the full names that clients may ask about, besides the empty one for the server as a whole. */
  constructor(services: Iterable<string>) {
    this.#services = new Set(['', ...services])
  }

  /** Tells clients from now on that the server is about to stop. */
  stopServing(): void {
    this.#isServing = false
    this.#changed.dispatchEvent(new Event('change'))
  }

  methods(): Method[] {
    const { check, watch } = Health.method
    return [
      unaryMethod(codecOf(check), async ({ service }) => {
        if (this.#services.has(service)) return this.#status(service)
        throw new GrpcError(StatusCode.NOT_FOUND, `service ${JSON.stringify(service)} is not served here`)
      }),
      serverStreamingMethod(codecOf(watch), ({ service }, call) => this.#watch(service, call)),
    ]
  }

  #status(service: string): health.HealthCheckResponse {
    const isKnown = this.#services.has(service)
    const serving = this.#isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING
    return create(HealthCheckResponseSchema, { status: isKnown ? serving : ServingStatus.SERVICE_UNKNOWN })
  }

  /** The state there is only changes once, when the server stops; a watch ends soon after. */
  async *#watch(service: string, { signal }: CallContext): AsyncGenerator<health.HealthCheckResponse, void, undefined> {
    yield this.#status(service)
    if (!this.#isServing) return
    await new Promise<void>((resolve) => {
      this.#changed.addEventListener('change', () => resolve(), { once: true, signal })
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    if (!signal.aborted) yield this.#status(service)
  }
}
