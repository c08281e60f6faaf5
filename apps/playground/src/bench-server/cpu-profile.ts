/** A call frame of a profile (Chrome DevTools Protocol, `Runtime.CallFrame`). */
interface CallFrame {
  readonly functionName: string
  /** A `file:` address, `node:` module, or empty for what is native. */
  readonly url: string
}

/** What Node.js writes with `--cpu-prof` (Chrome DevTools Protocol, `Profiler.Profile`). */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  /** The node on top of the stack, sample by sample. */
  readonly samples?: readonly number[] | undefined
  /** How long before each sample the one before it was taken, in microseconds; the first counts from `startTime`. */
  readonly timeDeltas?: readonly number[] | undefined
  /** In microseconds, of the clock of `process.hrtime`. */
  readonly startTime: number
}

/** A part of the time, from 0 to 1. */
export interface TimeShare {
  readonly name: string
  readonly share: number
}

/** Where the event loop of a server spent its time. */
export interface ProfileSummary {
  /** How long it was busy, in microseconds. */
  readonly busyUs: number
  /** By what it is part of, largest first. */
  readonly areas: readonly TimeShare[]
  /** The functions that took most themselves, largest first. */
  readonly functions: readonly TimeShare[]
}

/** When something began and ended, in microseconds of the clock of `process.hrtime`. */
export interface TimeSpan {
  readonly startUs: number
  readonly endUs: number
}

const TOP_FUNCTIONS = 12

/** Sums up a profile, as far as it is of a span of time. */
export function summarizeProfile(profile: CpuProfile, { startUs, endUs }: TimeSpan): ProfileSummary {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const areas = new Map<string, number>()
  const functions = new Map<string, number>()
  let [busyUs, now] = [0, profile.startTime]
  const { samples = [], timeDeltas = [] } = profile
  for (const [index, id] of samples.entries()) {
    now += timeDeltas[index] ?? 0
    // Until the next one it did what this one found it doing.
    const tookUs = timeDeltas[index + 1] ?? 0
    const frame = frames.get(id)
    if (frame === undefined || frame.functionName === '(idle)' || now < startUs || now > endUs) continue
    busyUs += tookUs
    add(areas, areaOf(frame), tookUs)
    add(functions, nameOf(frame), tookUs)
  }
  return { busyUs, areas: shares(areas, busyUs), functions: shares(functions, busyUs).slice(0, TOP_FUNCTIONS) }
}

function add(sums: Map<string, number>, name: string, tookUs: number): void {
  sums.set(name, (sums.get(name) ?? 0) + tookUs)
}

function shares(sums: ReadonlyMap<string, number>, whole: number): TimeShare[] {
  return [...sums].map(([name, tookUs]) => ({ name, share: tookUs / whole })).toSorted((a, b) => b.share - a.share)
}

/** What a function is part of: a package, a module of Node.js, or what V8 and the system do. */
function areaOf({ functionName, url }: CallFrame): string {
  if (functionName === '(garbage collector)') return 'garbage collector'
  // What the event loop does outside of JavaScript: system calls, HTTP/2 and streams of Node.js in C++.
  if (functionName === '(program)') return 'native code of Node.js'
  const [, module] = /^node:(?:internal\/)?([^/]+)/.exec(url) ?? []
  if (module !== undefined) return `node:${module}`
  // The last one: packages are installed within one another.
  const [, dependency] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? []
  if (dependency !== undefined) return dependency
  const [, folder, name] = /\/(packages|apps)\/([^/]+)\/(?:src|dist)\//.exec(url) ?? []
  if (name !== undefined) return folder === 'packages' ? `@caskade/${name}` : 'caskade'
  return 'built-in functions'
}

function nameOf({ functionName, url }: CallFrame): string {
  const file = url.split('/').at(-1) ?? ''
  const name = functionName === '' ? '(anonymous)' : functionName
  return file === '' ? name : `${name}, ${file}`
}
