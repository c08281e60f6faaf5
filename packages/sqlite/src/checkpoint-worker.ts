import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

// Moves committed pages from the write-ahead log into the database, on a thread of its own because that syncs.
const database = new Database(workerData as string)
database.pragma('synchronous = NORMAL')
database.pragma('busy_timeout = 1000')

parentPort?.on('message', (mode: 'PASSIVE' | 'TRUNCATE') => {
  try {
    const [result] = database.pragma(`wal_checkpoint(${mode})`) as { busy: number; log: number }[]
    parentPort?.postMessage({ logPages: result?.log ?? 0, isWhole: result?.busy === 0 })
  } catch (error) {
    parentPort?.postMessage({ logPages: 0, isWhole: false, failure: String(error) })
  }
})
