import { join } from 'node:path'
import { KeyvSqlite } from '@keyv/sqlite'
import { Keyv } from 'keyv'
import type { Subject, SubjectKind } from '../subject.ts'
import { KeyvSubject } from './keyv.ts'

const packages = ['keyv', '@keyv/sqlite']
const shared =
  'Keeps base64 in JSON in a table that never evicts, in write-ahead mode (which it is faster with than by default). Neither hashes nor streams.'

export const keyvSqliteSubject: SubjectKind = {
  name: 'keyv, node:sqlite',
  packages,
  conduct: `${shared} With the driver that it chooses by itself every write is synced, and blocks the event loop until it is.`,
  open: (folder) => openKeyv(folder, 'node:sqlite'),
}

export const keyvUnsyncedSqliteSubject: SubjectKind = {
  name: 'keyv, better-sqlite3',
  packages,
  conduct: `${shared} With this driver a write is not synced: a power failure may take it back.`,
  open: (folder) => openKeyv(folder, 'better-sqlite3'),
}

async function openKeyv(folder: string, driver: 'node:sqlite' | 'better-sqlite3'): Promise<Subject> {
  const store = new KeyvSqlite({ uri: `sqlite://${join(folder, 'keyv.sqlite')}`, wal: true, driver })
  await store.ready
  return new KeyvSubject(new Keyv<Uint8Array>({ store }))
}
