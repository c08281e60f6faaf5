import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Digest } from '@caskade/core'
import type { Random } from '../files/seeded-random.ts'
import { randomBelow, seededRandom } from '../files/seeded-random.ts'
import type { LedgerNote } from './ledger.ts'
import { Ledger } from './ledger.ts'
import type { Openable } from './opened.ts'
import { start } from './opened.ts'
import { verifyOpened } from './verify.ts'

/** What the module of a check exports. */
export interface KillModule {
  /** Makes a storage or a backend, not started, over a folder. */
  readonly open: (directory: string) => Openable | Promise<Openable>
}

/** What a check of killed processes works on. */
export interface KillCheck {
  /** The module that says what is opened, a {@link KillModule}; it is loaded in this process and in those that are killed. */
  readonly module: URL
  /** An empty folder. */
  readonly directory: string
  /** Decides what happens; printed when the check fails. When exactly a process dies is up to the machine. */
  readonly seed: number
  /** How many processes are killed. Default: 10. */
  readonly rounds?: number | undefined
  /** The most acknowledgements before a process is killed. Default: 200. */
  readonly maxAcknowledgements?: number | undefined
  /**
   * Whether it has a cache that outlives the process, such as one on disk. A blob that was being deleted when the process was
   * killed may then be in the cache alone: it can still be read, and is neither found nor listed. Default: false.
   */
  readonly hasLastingCache?: boolean | undefined
  /**
   * Names what a start should have removed, given the blobs that are stored; called while nothing is open. Default:
   * nothing can be told.
   */
  readonly leftovers?: ((directory: string, digests: readonly Digest[]) => readonly string[]) | undefined
}

/** Runs in the processes that are killed. Beside this file: TypeScript when run from source, JavaScript when built. */
const isSource = import.meta.url.endsWith('.ts')
const child = fileURLToPath(new URL(`kill-child.${isSource ? 'ts' : 'js'}`, import.meta.url))

/**
 * Has a process write, read and delete concurrently and kills it (SIGKILL) after a random number of acknowledgements, again
 * and again, and checks each time what is found: everything that was acknowledged, nothing that is torn, nothing that was
 * deleted.
 *
 * @throws what is wrong, as an Error that names the seed and the round.
 */
export async function checkKills(check: KillCheck): Promise<void> {
  const { seed, rounds = 10 } = check
  const random = seededRandom(seed)
  const ledger = new Ledger()
  for (let round = 1; round <= rounds; round++) {
    await runRound(check, round, random, ledger).catch((error: unknown) => {
      throw new Error(`kill: seed ${seed}, round ${round}: ${String(error)}`, { cause: error })
    })
  }
  assert.ok(ledger.acknowledgements > 0, `kill: seed ${seed}: nothing was ever acknowledged`)
}

async function runRound(check: KillCheck, round: number, random: Random, ledger: Ledger): Promise<void> {
  const { module, directory, maxAcknowledgements = 200, hasLastingCache = false, leftovers } = check
  await runAndKill(check, round, random, ledger, randomBelow(random, maxAcknowledgements))

  const { open } = (await import(/* @vite-ignore */ module.href)) as KillModule
  const opened = await start(await open(directory))
  let digests: Digest[]
  try {
    await verifyOpened(opened, ledger, { deletionsLast: true, hasLastingCache })
    digests = await Array.fromAsync(opened.storage.listBlobs(), ({ digest }) => digest)
  } finally {
    await opened.stop()
  }
  assert.deepEqual(leftovers?.(directory, digests) ?? [], [], 'something was left that a start should have removed')
}

async function runAndKill(
  { module, directory }: KillCheck,
  round: number,
  random: Random,
  ledger: Ledger,
  acknowledgements: number,
): Promise<void> {
  const seed = randomBelow(random, 2 ** 32)
  const conditions = isSource ? ['--conditions=@caskade/source'] : []
  const args = [...conditions, child, module.href, directory, String(seed), String(round)]
  const running = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe', 'pipe'] })
  const enough = ledger.acknowledgements + acknowledgements
  const [, said, [, signal]] = await Promise.all([
    noteAll(running, ledger, () => {
      if (ledger.acknowledgements >= enough) running.kill('SIGKILL')
    }),
    text(running.stderr as Readable),
    once(running, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  assert.equal(signal, 'SIGKILL', `the process ended before it was killed: ${said}`)
}

/** Takes down everything that a process tells, until it is gone. What it told is in the pipe even when it is killed. */
async function noteAll(running: ChildProcess, ledger: Ledger, onNote: () => void): Promise<void> {
  for await (const line of createInterface({ input: running.stdio[3] as Readable })) {
    const note = parseNote(line)
    if (note === undefined) return
    ledger.note(note)
    onNote()
  }
}

/** A last line that was cut off says nothing: the process died before it went on. */
function parseNote(line: string): LedgerNote | undefined {
  return line.endsWith('}') ? (JSON.parse(line) as LedgerNote) : undefined
}
