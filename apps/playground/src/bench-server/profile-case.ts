import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BlobMaker } from './blobs.ts'
import type { CpuProfile, ProfileSummary } from './cpu-profile.ts'
import { summarizeProfile } from './cpu-profile.ts'
import type { LoadOptions, LoadResult } from './load.ts'
import { cpuUsOf } from './process-usage.ts'
import type { PreparedRequest } from './request-file.ts'
import { writeRequests } from './request-file.ts'
import type { ServerRunOptions } from './run-case.ts'
import { SET_UP_IN_FLIGHT } from './run-case.ts'
import type { ServerCase } from './server-case.ts'
import { requestCount } from './server-case.ts'
import type { SubjectKind } from './subject.ts'
import { RunningSubject } from './subject.ts'

/** Where one of our servers spends its time in a case. */
export interface CaseProfile extends ProfileSummary {
  readonly operation: string
  readonly inFlight: number
  readonly subject: string
  readonly requests: number
  /** User and system time of all threads, for one request, in microseconds; watching it takes a part of that. */
  readonly cpuUs: number
}

/** How often V8 looks, in microseconds. */
const INTERVAL_US = 250

/** Runs one round of a case with one of our servers while V8 watches it. */
export async function profileCase(
  serverCase: ServerCase,
  kind: SubjectKind,
  { effort, seed, folder: parent, load }: ServerRunOptions,
): Promise<CaseProfile> {
  const { operation, inFlight, protocol } = serverCase
  const folder = await mkdtemp(join(parent, 'profile-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const [own, profiles, bodies] = [join(folder, 'own'), join(folder, 'profiles'), join(folder, 'bodies')]
  await mkdir(own)
  const maker = new BlobMaker(seed)
  const subject = stack.use(await RunningSubject.start(watched(kind, profiles), own))
  const send = (requests: Iterable<PreparedRequest>, how: Partial<LoadOptions>): Promise<LoadResult> => {
    const usual = { inFlight, repeat: serverCase.repeats, durationMs: 600_000, protocol }
    return load.run(writeRequests(bodies, requests), { ...usual, address: subject.address(protocol), ...how })
  }
  for (const group of serverCase.setUp(maker)) await send(group, { inFlight: SET_UP_IN_FLIGHT, repeat: false })
  const count = requestCount(serverCase, effort)
  await send(serverCase.requests(maker, 0, count), { durationMs: effort.warmUpMs })
  const requests = [...serverCase.requests(maker, 1, count)]
  const cpuUsBefore = cpuUsOf(subject.pid)
  const startUs = nowUs()
  const result = await send(requests, { durationMs: effort.rounds * effort.durationMs })
  const span = { startUs, endUs: nowUs() }
  const cpuUs = (cpuUsOf(subject.pid) - cpuUsBefore) / result.requests
  await subject[Symbol.asyncDispose]()
  const summary = summarizeProfile(await readProfile(profiles), span)
  return { operation, inFlight, subject: kind.name, requests: result.requests, cpuUs, ...summary }
}

/** The same server, which writes a profile when it ends. */
function watched(kind: SubjectKind, profiles: string): SubjectKind {
  return {
    ...kind,
    async command(folder, ports, limits) {
      const { args, ...rest } = await kind.command(folder, ports, limits)
      const flags = ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-interval=${INTERVAL_US}`]
      return { ...rest, args: [...flags, ...args] }
    },
  }
}

/** The profile of the thread that serves: the largest, for other threads have theirs. */
async function readProfile(folder: string): Promise<CpuProfile> {
  const texts = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
  const [largest] = texts.toSorted((a, b) => b.length - a.length)
  if (largest === undefined) throw new Error('the server wrote no profile')
  return JSON.parse(largest) as CpuProfile
}

function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n)
}
