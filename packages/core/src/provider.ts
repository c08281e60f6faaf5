import type { Backend } from './backend.ts'

/**
 * A JSON Schema (draft 2020-12) for the options of a provider, without `type`.
 *
 * Two formats stand for quantities that people write with a unit: a number with `format: 'bytes'` may be written as
 * `50GiB`, one with `format: 'duration-ms'` as `30s`; the provider receives plain numbers. A property with
 * `format: 'backend'` holds the configuration of a child, which the provider passes to `build`; one with
 * `format: 'backends'` holds several, by names that whoever configures it chooses.
 */
export interface OptionsSchema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, OptionSchema>>
  readonly required?: readonly string[] | undefined
}

/** The longest duration that a timer takes, in milliseconds, some 24 days: one that is longer would end at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** The schema of one option. */
export interface OptionSchema {
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'object' | 'array'
  readonly format?: 'bytes' | 'duration-ms' | 'backend' | 'backends' | 'path' | undefined
  /** Of a child: it holds only copies of what is kept elsewhere, so that each of several processes may have one of its own. */
  readonly holdsCopies?: boolean | undefined
  readonly description: string
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly enum?: readonly string[] | undefined
  /** How many items an array must have at least. */
  readonly minItems?: number | undefined
  /** What the items of an array must be. */
  readonly items?: { readonly type: 'string' | 'number'; readonly enum?: readonly string[] | undefined } | undefined
  /** What an object may hold; anything else is refused. */
  readonly properties?: Readonly<Record<string, OptionSchema>> | undefined
  /** What the values of an object must be whose keys are names that whoever configures it chooses. */
  readonly additionalProperties?:
    | { readonly type: 'string' | 'number'; readonly minimum?: number | undefined }
    | undefined
  readonly default?: unknown
}

/** The configuration of one backend in a tree: its type, and that type's options. */
export interface BackendConfig {
  readonly type: string
  readonly [option: string]: unknown
}

/** What a provider is given besides its options. */
export interface ProviderContext {
  /** Makes a child backend of its configuration. */
  readonly build: (config: BackendConfig) => Promise<Backend>
  /** The folder that relative paths in the options are relative to. */
  readonly baseDirectory: string
  /**
   * How many processes make a backend of these options at the same time, each for itself. What is bounded in each process,
   * such as memory, gets its share of the bound. Default: 1.
   */
  readonly processes?: number | undefined
}

/** What a package exports as `provider` so that configurations can name it. */
export interface Provider<Options = never> {
  /** The value of `type` that selects it. */
  readonly type: string
  readonly schema: OptionsSchema
  /** Makes both halves, neither of them started. `options` fit the schema. */
  create(options: Options, context: ProviderContext): Backend | Promise<Backend>
  /**
   * Why several processes cannot serve what these options describe, each with a backend of its own; undefined when they can,
   * as far as the children can. A provider without this method is for one process alone.
   */
  sharingProblem?(options: Options): string | undefined
}
