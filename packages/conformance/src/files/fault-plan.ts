import type { FileFault, FileOperation } from './file-fault.ts'
import { fileFailure } from './file-fault.ts'

/** Decides which operations fail, and has them fail. */
export class FaultPlan {
  readonly #faults: readonly FileFault[]
  readonly #matches = new Map<FileFault, number>()
  #failures = 0

  constructor(faults: readonly FileFault[]) {
    this.#faults = faults
  }

  /** How many operations were made to fail. */
  get failures(): number {
    return this.#failures
  }

  /** Performs an operation, unless the plan has it fail. `undo` gives back the result that nobody will receive. */
  async attempt<Result>(
    operation: FileOperation,
    paths: readonly [string, ...string[]],
    perform: () => Promise<Result>,
    undo?: (result: Result) => Promise<void>,
  ): Promise<Result> {
    const fault = this.faultOf(operation, paths)
    if (fault === undefined) return perform()
    if (fault.effect === 'whole') {
      const result = await perform()
      await undo?.(result)
    }
    throw fileFailure(fault.errno, operation, paths[0])
  }

  /** The fault that an operation meets now, which counts as a failure; undefined when it is to succeed. */
  faultOf(operation: FileOperation, paths: readonly string[]): FileFault | undefined {
    let found: FileFault | undefined
    for (const fault of this.#faults) {
      if (!matches(fault, operation, paths)) continue
      const count = (this.#matches.get(fault) ?? 0) + 1
      this.#matches.set(fault, count)
      if (fault.nth === undefined || fault.nth === count) found ??= fault
    }
    if (found !== undefined) this.#failures += 1
    return found
  }
}

function matches({ operation, path, isOn }: FileFault, actual: FileOperation, paths: readonly string[]): boolean {
  if (operation !== undefined && ![operation].flat().includes(actual)) return false
  if (path !== undefined && !paths.some((each) => path.test(each))) return false
  return isOn?.() ?? true
}
