import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Lines of a shell script that wait at this point of a build, if the test wants them to. */
export function pauseLines(folder: string): string {
  const [wanted, reached, over] = ['pause-wanted', 'pause-reached', 'pause-over'].map((name) => join(folder, name))
  return `if [ -e ${wanted} ]; then : > ${reached}; while [ ! -e ${over} ]; do sleep 0.1; done; fi`
}

/** Has the next build in a folder wait at its pause. */
export function wantPause(folder: string): void {
  writeFileSync(join(folder, 'pause-wanted'), '')
}

/** Waits until a build has come to its pause, does something meanwhile, and has it go on. */
export async function duringPause(folder: string, act: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 300_000
  while (!existsSync(join(folder, 'pause-reached'))) {
    if (Date.now() > deadline) throw new Error('the build did not come to its pause')
    await setTimeout(50)
  }
  await act()
  writeFileSync(join(folder, 'pause-over'), '')
}
