import type { SqlDatabase, Statement } from './sql.ts'
import { selectOne } from './sql.ts'

/**
 * Tells by a number whether another connection has committed anything: as long as it stays the same, none has. Within a
 * transaction it tells what that sees.
 */
export class OthersVersion {
  readonly #read: Statement

  constructor(database: SqlDatabase) {
    this.#read = database.prepare('PRAGMA data_version').pluck()
  }

  read(): unknown {
    return selectOne(this.#read)
  }
}
