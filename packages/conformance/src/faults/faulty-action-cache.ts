import type { ActionCacheEntry, ActionCacheRecord, ActionKey, OperationOptions, UpdateOptions } from '@caskade/core'
import { ActionCacheABC } from '@caskade/core'
import { FaultInjector } from './fault-injector.ts'
import type { FaultPlan, FaultyActionCacheMethod } from './fault-plan.ts'

/**
 * Passes everything on to an action cache, and has a plan interfere: fail or hang. What plans do to content does not
 * concern it.
 *
 * The counterpart of {@link FaultyStorage}; it starts and stops the action cache inside.
 */
export class FaultyActionCache extends ActionCacheABC {
  static override readonly TYPE: string = 'Faulty'

  /** The action cache inside, where a test can look at what really happened. */
  readonly inner: ActionCacheABC
  readonly #injector: FaultInjector<FaultyActionCacheMethod>

  constructor(inner: ActionCacheABC, plan: FaultPlan = {}) {
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
  get calls(): FaultInjector<FaultyActionCacheMethod>['calls'] {
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

  override async get(key: ActionKey, options: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    return this.#run('get', [key.key], options, () => this.inner.get(key, options))
  }

  override async update(key: ActionKey, entry: ActionCacheEntry, options: UpdateOptions = {}): Promise<boolean> {
    return this.#run('update', [key.key], options, () => this.inner.update(key, entry, options))
  }

  override async delete(key: ActionKey, options: OperationOptions = {}): Promise<void> {
    return this.#run('delete', [key.key], options, () => this.inner.delete(key, options))
  }

  override async *list(
    namespacePrefix: string,
    options: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    const records = await this.#run('list', [], options, async () => this.inner.list(namespacePrefix, options))
    yield* records
  }

  async #run<Result>(
    method: FaultyActionCacheMethod,
    names: readonly string[],
    { signal }: OperationOptions,
    operation: () => Promise<Result>,
  ): Promise<Result> {
    this.assertRunning(signal)
    return this.#injector.begin(method, names, signal).run(operation)
  }
}
