import { writeSync } from 'node:fs'
import { argv } from 'node:process'
import { seededRandom } from '../files/seeded-random.ts'
import type { KillModule } from './check-kills.ts'
import { start } from './opened.ts'
import { runWorkload } from './workload.ts'

// Run by `checkKills` as a process of its own, until it is killed. It tells what it does on descriptor 3, and waits until
// that is told before it goes on.
const NOTES = 3

const [, , module = '', directory = '', seed = '', round = ''] = argv
const { open } = (await import(/* @vite-ignore */ module)) as KillModule
const opened = await start(await open(directory))
await runWorkload({
  ...opened,
  random: seededRandom(Number(seed)),
  round: Number(round),
  notebook: { note: (note) => void writeSync(NOTES, `${JSON.stringify(note)}\n`) },
  isOver: () => false,
  onFailure: (error) => {
    throw error
  },
})
