import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { median, ratioOf } from '../bench/statistics.ts'
import { BlobMaker } from './blobs.ts'
import type { LoadGenerator, LoadOptions, LoadResult } from './load.ts'
import { cpuUsOf, peakMemoryOf } from './process-usage.ts'
import type { RequestFile } from './request-file.ts'
import { writeRequests } from './request-file.ts'
import type { ServerCase, ServerEffort } from './server-case.ts'
import { requestCount } from './server-case.ts'
import type { SubjectKind } from './subject.ts'
import { RunningSubject } from './subject.ts'

/** What a server took for a case: medians over the rounds. */
export interface SubjectFigures {
  readonly subject: string
  /** User and system time of its process, for one request, in microseconds. */
  readonly cpuUs: number
  readonly requestsPerSecond: number
  readonly p50Us: number
  readonly p99Us: number
  /** The most it had resident up to the end of the case, in bytes. */
  readonly peakMemoryBytes: number
  /** What a request took of it in each round, in microseconds of processor time. */
  readonly cpuUsByRound: readonly number[]
}

/** What came of a case. */
export interface ServerCaseResult {
  readonly operation: string
  readonly inFlight: number
  readonly contentBytes: number
  readonly figures: readonly SubjectFigures[]
  /** Peers that did not answer as they should, and so have no figures, with what was wrong. */
  readonly failures: readonly CaseFailure[]
}

/** The servers that a case was measured with, those that failed included. */
export function serversOf({ figures, failures }: ServerCaseResult): string[] {
  return [...figures, ...failures].map(({ subject }) => subject)
}

/** What was wrong with the answers of a peer. */
interface CaseFailure {
  readonly subject: string
  readonly message: string
}

/** How cases are run. */
export interface ServerRunOptions {
  readonly effort: ServerEffort
  readonly seed: number
  /** Where everything is meanwhile. */
  readonly folder: string
  readonly load: LoadGenerator
}

/** So many requests are under way while what a case needs is stored. */
export const SET_UP_IN_FLIGHT = 8

/** A round as it was for one server. */
interface Round {
  readonly load: LoadResult
  /** The server's processor time when it began, in microseconds. */
  readonly cpuUsBefore: number
}

/**
 * Runs a case with all servers that speak its protocol, which take turns, round by round. The processor time of a round is
 * that up to the server's next one, so that what it does in the background is counted.
 */
export async function runServerCase(
  serverCase: ServerCase,
  kinds: readonly SubjectKind[],
  options: ServerRunOptions,
): Promise<ServerCaseResult> {
  const folder = await mkdtemp(join(options.folder, 'case-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const subjects: RunningSubject[] = []
  for (const kind of kinds.filter((candidate) => takesPart(candidate, serverCase))) {
    const own = join(folder, String(subjects.length))
    await mkdir(own)
    subjects.push(stack.use(await RunningSubject.start(kind, own)))
  }
  // Awaited: they are there until it is done.
  return await measureCase(serverCase, subjects, { ...options, folder })
}

/** Measures a case with servers that run, in turns. */
export async function measureCase(
  serverCase: ServerCase,
  subjects: readonly RunningSubject[],
  { effort, seed, folder, load: generator }: ServerRunOptions,
): Promise<ServerCaseResult> {
  const { operation, inFlight, contentBytes, protocol } = serverCase
  const maker = new BlobMaker(seed)
  const bodies = join(folder, 'bodies')
  const failures = new Map<RunningSubject, CaseFailure>()
  const takingPart = (): RunningSubject[] => subjects.filter((subject) => !failures.has(subject))
  /** Resolves to undefined when a peer fails, which then takes no further part: that it fails is its own affair. */
  const send = async (
    subject: RunningSubject,
    file: RequestFile,
    how: Omit<LoadOptions, 'protocol' | 'address'>,
  ): Promise<LoadResult | undefined> => {
    try {
      return await generator.run(file, { ...how, protocol, address: subject.address(protocol) })
    } catch (error) {
      if (subject.kind.isOurs) throw new Error(`${subject.kind.name}: ${operation}`, { cause: error })
      const message = error instanceof Error ? error.message : String(error)
      failures.set(subject, { subject: subject.kind.name, message })
      return undefined
    }
  }

  for (const group of serverCase.setUp(maker)) {
    const file = writeRequests(bodies, group)
    for (const subject of takingPart()) {
      await send(subject, file, { inFlight: SET_UP_IN_FLIGHT, repeat: false, durationMs: 600_000 })
    }
  }
  const rounds = new Map<RunningSubject, Round[]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round <= effort.rounds; round += 1) {
    const file = writeRequests(bodies, serverCase.requests(maker, round, requestCount(serverCase, effort)))
    const durationMs = round === 0 ? effort.warmUpMs : effort.durationMs
    for (const subject of takingPart()) {
      const cpuUsBefore = cpuUsOf(subject.pid)
      const load = await send(subject, file, { inFlight, repeat: serverCase.repeats, durationMs })
      if (load !== undefined) rounds.get(subject)?.push({ load, cpuUsBefore })
    }
  }
  const figures = takingPart().map((subject) => figuresOf(subject, rounds.get(subject) ?? []))
  return { operation, inFlight, contentBytes, figures, failures: [...failures.values()] }
}

/** Whether a server is measured in a case: it speaks the protocol and has the operation. */
export function takesPart({ protocols, lacks }: SubjectKind, { protocol, operation }: ServerCase): boolean {
  return protocols.includes(protocol) && lacks?.test(operation) !== true
}

/** What one server's processor time comes to for each of another's: the median of the ratios of the rounds. */
export function cpuRatio(ours: SubjectFigures, theirs: SubjectFigures): number {
  return ratioOf(ours.cpuUsByRound, theirs.cpuUsByRound)
}

function figuresOf(subject: RunningSubject, rounds: readonly Round[]): SubjectFigures {
  const ends = [...rounds.slice(1).map(({ cpuUsBefore }) => cpuUsBefore), cpuUsOf(subject.pid)]
  const measured = rounds
    .map(({ load, cpuUsBefore }, index) => ({
      load,
      cpuUs: ((ends[index] ?? Number.NaN) - cpuUsBefore) / load.requests,
    }))
    // The first one was to warm up.
    .slice(1)
  return {
    subject: subject.kind.name,
    cpuUs: median(measured.map(({ cpuUs }) => cpuUs)),
    requestsPerSecond: median(measured.map(({ load }) => load.requests / (load.wallUs / 1e6))),
    p50Us: median(measured.map(({ load }) => load.p50Us)),
    p99Us: median(measured.map(({ load }) => load.p99Us)),
    peakMemoryBytes: peakMemoryOf(subject.pid),
    cpuUsByRound: measured.map(({ cpuUs }) => cpuUs),
  }
}
