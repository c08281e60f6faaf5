import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

// Reads the whole database, on a thread of its own because that takes as long as the disk needs.
const database = new Database(workerData as string, { readonly: true })
const problems = database
  .prepare('PRAGMA quick_check')
  .pluck()
  .all()
  .filter((line) => line !== 'ok')
  .map(String)
const { counted, actual } = database
  .prepare(
    `SELECT used_bytes AS counted,
      (SELECT coalesce(sum(cost_bytes), 0) FROM blob) +
      (SELECT coalesce(sum(cost_bytes), 0) FROM entry) +
      (SELECT coalesce(sum(cost_bytes), 0) FROM loose_file) AS actual
    FROM usage`,
  )
  .get() as { counted: number; actual: number }
if (counted !== actual) problems.push(`the quota counts ${counted} bytes, and what is stored comes to ${actual}`)
database.close()
parentPort?.postMessage(problems)
