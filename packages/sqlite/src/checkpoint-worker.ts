import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

// Moves committed pages from the write-ahead log into the database, on a thread of its own because that syncs.
const database = new Database(workerData as string)
database.pragma('synchronous = NORMAL')
database.pragma('busy_timeout = 1000')

parentPort?.on('message', () => {
  try {
    const [result] = database.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[]
    parentPort?.postMessage({ unfinishedPages: (result?.log ?? 0) - (result?.checkpointed ?? 0) })
  } catch (error) {
    parentPort?.postMessage({ unfinishedPages: 0, failure: String(error) })
  }
})
