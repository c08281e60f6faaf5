import type { OptionSchema } from '@caskade/core'
import type { BazelHttpOptions } from './bazel-http.ts'
import { bazelHttpFrontend } from './bazel-http.ts'
import { ccacheFrontend } from './ccache.ts'
import { gradleFrontend } from './gradle.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend } from './http-frontend.ts'
import { moonHttpFrontend } from './moon-http.ts'
import type { NxOptions } from './nx.ts'
import { nxFrontend } from './nx.ts'
import { turborepoFrontend } from './turborepo.ts'
import { webdavFrontend } from './webdav.ts'

/** What a configuration says of a frontend. */
type FrontendConfig<Options extends FrontendOptions = FrontendOptions> = Options & {
  /** Whether it is served. Default: true. */
  readonly enabled?: boolean | undefined
}

/** The frontends of HTTP by their names, each with what a configuration says of it. */
export interface HttpFrontendConfigs {
  readonly turborepo?: FrontendConfig | undefined
  readonly nx?: FrontendConfig<NxOptions> | undefined
  readonly webdav?: FrontendConfig | undefined
  readonly gradle?: FrontendConfig | undefined
  readonly ccache?: FrontendConfig | undefined
  readonly moon?: FrontendConfig | undefined
  readonly bazel?: FrontendConfig<BazelHttpOptions> | undefined
}

/** How a frontend is made, and what can be configured of it. */
interface FrontendKind<Options extends FrontendOptions> {
  readonly create: (context: FrontendContext, options: Options | undefined) => HttpFrontend
  readonly description: string
  /** Besides what any frontend has. */
  readonly properties?: Readonly<Record<string, OptionSchema>>
}

type FrontendKinds = {
  readonly [Name in keyof HttpFrontendConfigs]-?: FrontendKind<NonNullable<HttpFrontendConfigs[Name]>>
}

/**
 * Every frontend of HTTP, in the order in which they are asked. Those that take any prefix and name come last, and WebDAV,
 * whose names may look like paths of others, before those others. A new one is a module beside this one, and a line here and in
 * the type above.
 */
const KINDS: FrontendKinds = {
  turborepo: { create: turborepoFrontend, description: 'Turborepo, at /v8/artifacts' },
  nx: {
    create: nxFrontend,
    description: 'Nx, at /v1/cache',
    properties: {
      overwrite: { type: 'boolean', default: false, description: 'Replaces an artifact that is stored again' },
    },
  },
  webdav: { create: webdavFrontend, description: 'WebDAV for sccache, at /webdav' },
  gradle: { create: gradleFrontend, description: 'Gradle, and Maven, at /gradle' },
  ccache: { create: ccacheFrontend, description: 'ccache, at /ccache' },
  moon: { create: moonHttpFrontend, description: 'moon over HTTP: results as JSON at /ac' },
  bazel: {
    create: bazelHttpFrontend,
    description: 'The HTTP cache of Bazel, at /ac and /cas',
    properties: {
      validatedInstances: {
        type: 'array',
        items: { type: 'string' },
        description: 'The instances in which entries of /ac must be action results; * stands for all',
      },
    },
  },
}

/** Makes the frontends of HTTP that are not switched off. */
export function createHttpFrontends(configs: HttpFrontendConfigs, context: FrontendContext): HttpFrontend[] {
  const create = <Name extends keyof HttpFrontendConfigs>(name: Name): HttpFrontend[] => {
    const config = configs[name]
    return config?.enabled === false ? [] : [KINDS[name].create(context, config)]
  }
  return (Object.keys(KINDS) as (keyof HttpFrontendConfigs)[]).flatMap(create)
}

const COMMON_PROPERTIES: Readonly<Record<string, OptionSchema>> = {
  enabled: { type: 'boolean', default: true, description: 'Whether it is served' },
  instance: { type: 'string', description: 'Serves this instance alone' },
}

/** What can be configured of each frontend of HTTP. */
export const httpFrontendSchemas: Readonly<Record<string, OptionSchema>> = Object.fromEntries(
  Object.entries(KINDS).map(([name, { description, properties }]: [string, FrontendKind<never>]) => [
    name,
    { type: 'object', description, properties: { ...COMMON_PROPERTIES, ...properties } },
  ]),
)
