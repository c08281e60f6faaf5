import type { SqlDatabase, Statement } from './sql.ts'
import { sqliteError } from './sqlite-errors.ts'

/** Begins and ends transactions of one connection, with statements that are prepared once: parsing them costs more than they do. */
export class Transactions {
  readonly #database: SqlDatabase
  readonly #begin: Statement
  readonly #beginReading: Statement
  readonly #commit: Statement
  readonly #rollBack: Statement
  readonly #save: Statement
  readonly #keep: Statement
  readonly #goBack: Statement
  #isReading = false
  #begun = 0

  constructor(database: SqlDatabase) {
    this.#database = database
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#beginReading = database.prepare('BEGIN')
    this.#commit = database.prepare('COMMIT')
    this.#rollBack = database.prepare('ROLLBACK')
    this.#save = database.prepare('SAVEPOINT part')
    this.#keep = database.prepare('RELEASE part')
    this.#goBack = database.prepare('ROLLBACK TO part')
  }

  get isOpen(): boolean {
    return this.#database.inTransaction
  }

  /** Whether reads run as one, and so see nothing but what is committed. */
  get isReading(): boolean {
    return this.#isReading
  }

  /** How many that write were begun: as long as it stays the same, this connection has changed nothing. */
  get begun(): number {
    return this.#begun
  }

  /** Begins one that writes; throws when another connection is writing. */
  begin(): void {
    this.#begun += 1
    this.#begin.run()
  }

  commit(): void {
    this.#commit.run()
  }

  rollBack(): void {
    this.#rollBack.run()
  }

  /** Begins a part that can be undone by itself. */
  savePart(): void {
    this.#save.run()
  }

  keepPart(): void {
    this.#keep.run()
  }

  undoPart(): void {
    this.#goBack.run()
    this.#keep.run()
  }

  /** Runs several reads as one, which spares each of them the locks. They must not wait for anything. */
  read<Result>(reads: () => Result): Result {
    if (this.isOpen) return reads()
    this.#attempt(this.#beginReading)
    let result: Result
    this.#isReading = true
    try {
      result = reads()
    } catch (error) {
      this.#endFailed()
      throw error
    } finally {
      this.#isReading = false
    }
    this.#attempt(this.#commit)
    return result
  }

  #attempt(statement: Statement): void {
    try {
      statement.run()
    } catch (error) {
      throw sqliteError(error, 'cannot read')
    }
  }

  /** What the reads failed with is worth more than that they cannot be ended; they may have been by that. */
  #endFailed(): void {
    try {
      if (this.isOpen) this.rollBack()
    } catch {
      // The next transaction that writes tries again.
    }
  }
}
