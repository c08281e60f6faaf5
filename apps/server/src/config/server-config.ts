import type { BackendConfig, DigestFunction, OptionsSchema } from '@caskade/core'
import { MAX_TIMER_MS } from '@caskade/core'
import type { HttpFrontendConfigs } from '../frontends/create-frontends.ts'
import { httpFrontendSchemas } from '../frontends/create-frontends.ts'
import type { WorkerCount } from './worker-count.ts'

/** What a configuration says of the Remote Execution API over gRPC. */
interface ReapiConfig {
  /** Whether it is served. Default: true. */
  readonly enabled?: boolean | undefined
  /** Serves this instance alone. Default: any. */
  readonly instance?: string | undefined
}

/** What a configuration says of each frontend, by its name; those that it does not name are served. */
export interface FrontendConfigs extends HttpFrontendConfigs {
  readonly reapi?: ReapiConfig | undefined
}

/** Where gRPC is served when nobody says otherwise. */
export const DEFAULT_LISTEN = '127.0.0.1:8980'

/** Where HTTP is served when nobody says otherwise. */
export const DEFAULT_HTTP_LISTEN = '127.0.0.1:8981'

/** How a server is set up; what a configuration file says, with its units resolved. */
export interface ServerConfig {
  /** Where gRPC is served, as `host:port`. Default: `127.0.0.1:8980`. */
  readonly listen?: string | undefined
  /** Where HTTP/1.1 is served, as `host:port`. Default: `127.0.0.1:8981`. */
  readonly httpListen?: string | undefined
  /** The folder for uploads on their way in, and for the default backend. Default: the platform's cache folder. */
  readonly data?: string | undefined
  /** The tree of backends. Default: memory in front of SQLite in the data folder. */
  readonly backend?: BackendConfig | undefined
  /**
   * How many processes serve, all of one store; `auto` for one for each core. Connections are spread over them, and each has
   * its share of what is bounded for the server, such as memory. Default: 1, this process.
   */
  readonly workers?: WorkerCount | undefined
  /** The protocols that are served, and how. Default: all of them, to any instance. */
  readonly frontends?: FrontendConfigs | undefined
  /** The digest functions that are offered. Default: SHA-256 alone. */
  readonly digestFunctions?: readonly DigestFunction[] | undefined
  /** Larger blobs are refused, in bytes. Default: 64 GiB. */
  readonly maxBlobBytes?: number | undefined
  /** What the blobs of one gRPC batch may come to, in bytes. Default: 3.75 MiB. */
  readonly maxBatchBytes?: number | undefined
  /** What the files of uploads on their way in may take together, in bytes; no blob can be larger. Default: 16 GiB. */
  readonly maxSpoolBytes?: number | undefined
  /** How many connections may be open, for gRPC and for HTTP each. Default: 10,000. */
  readonly maxConnections?: number | undefined
  /**
   * How much of what is stored is read again in a second, in bytes, to find damage; 0 for not at all. Default: 4 MiB for
   * the default backend, 0 for a configured one, of which reading may cost money.
   */
  readonly scrubBytesPerSecond?: number | undefined
  /** How long a stopping server lets requests finish, in milliseconds. Default: 10 seconds. */
  readonly drainMs?: number | undefined
}

/** The schema of {@link ServerConfig}. */
export const serverSchema: OptionsSchema = {
  type: 'object',
  properties: {
    listen: { type: 'string', description: 'Where gRPC is served, as host:port' },
    httpListen: { type: 'string', description: 'Where HTTP/1.1 is served, as host:port' },
    data: { type: 'string', format: 'path', description: 'The folder for uploads, and for the default backend' },
    backend: { type: 'object', format: 'backend', description: 'The tree of backends' },
    workers: { type: 'string', description: 'How many processes serve; auto for one for each core' },
    frontends: {
      type: 'object',
      description: 'The protocols that are served, and how',
      properties: {
        reapi: {
          type: 'object',
          description: 'The Remote Execution API over gRPC',
          properties: {
            enabled: { type: 'boolean', default: true, description: 'Whether it is served' },
            instance: { type: 'string', description: 'Serves this instance alone' },
          },
        },
        ...httpFrontendSchemas,
      },
    },
    digestFunctions: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', enum: ['sha256', 'sha1', 'sha384', 'sha512'] },
      description: 'The digest functions that are offered',
    },
    maxBlobBytes: { type: 'integer', format: 'bytes', minimum: 1, description: 'Larger blobs are refused' },
    maxBatchBytes: {
      type: 'integer',
      format: 'bytes',
      minimum: 1,
      maximum: 6 * 1024 * 1024,
      description: 'What the blobs of one gRPC batch may come to',
    },
    maxSpoolBytes: {
      type: 'integer',
      format: 'bytes',
      minimum: 1,
      description: 'What uploads on their way in may take of the disk',
    },
    maxConnections: { type: 'integer', minimum: 1, description: 'How many connections may be open' },
    scrubBytesPerSecond: {
      type: 'number',
      format: 'bytes',
      minimum: 0,
      description: 'How much of what is stored is read again in a second, to find damage; 0 for not at all',
    },
    drainMs: {
      type: 'number',
      format: 'duration-ms',
      minimum: 0,
      maximum: MAX_TIMER_MS,
      description: 'How long a stopping server lets requests finish',
    },
  },
}
