import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const SWITCH = '/proc/sys/vm/drop_caches'

const exec = promisify(execFile)

/** Whether the system can be told here to forget what it has read. */
export function canDropPageCache(): boolean {
  try {
    accessSync(SWITCH, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Has the system forget what it has read of all disks: content, names, and what it knows of files. */
export async function dropPageCache(folder: string): Promise<void> {
  // What is yet to be written is not forgotten.
  await exec('sync', ['-f', folder])
  await writeFile(SWITCH, '3')
}
