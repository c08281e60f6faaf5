import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A service like Google Cloud Storage, with an empty bucket named `bucket`. */
export interface GcsFake {
  readonly url: string
  stop(): Promise<void>
}

/** Starts one in a process of its own. */
export async function startGcsFake(): Promise<GcsFake> {
  const program = fileURLToPath(new URL('gcs-fake-process.ts', import.meta.url))
  const args = ['--conditions=@caskade/source', program]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const [url] = (await once(lines, 'line')) as [string]
  return {
    url,
    async stop() {
      lines.close()
      child.stdin.end()
      await exited
    },
  }
}
