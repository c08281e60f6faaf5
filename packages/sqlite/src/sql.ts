import { sqliteError } from './sqlite-errors.ts'

/** A value that a statement takes or returns. */
export type SqlValue = string | number | Uint8Array | null

/** A prepared statement: the few methods of better-sqlite3's that are used here, so that its types stay out of ours. */
export interface Statement {
  get(...parameters: readonly SqlValue[]): unknown
  all(...parameters: readonly SqlValue[]): unknown[]
  run(...parameters: readonly SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number | bigint }
  /** Has it return the first column of a row instead of an object. */
  pluck(): Statement
  /** Has it return rows as arrays of their columns. */
  raw(): Statement
}

/** An open database, likewise. */
export interface SqlDatabase {
  readonly inTransaction: boolean
  prepare(sql: string): Statement
  exec(sql: string): unknown
  pragma(source: string, options?: { simple: boolean }): unknown
  close(): unknown
}

/** Runs a statement that returns at most one row. */
export function selectOne<Row>(statement: Statement, ...parameters: readonly SqlValue[]): Row | undefined {
  try {
    return statement.get(...parameters) as Row | undefined
  } catch (error) {
    throw sqliteError(error, 'cannot read')
  }
}

/** Runs a statement that returns rows. */
export function selectAll<Row>(statement: Statement, ...parameters: readonly SqlValue[]): Row[] {
  try {
    return statement.all(...parameters) as Row[]
  } catch (error) {
    throw sqliteError(error, 'cannot read')
  }
}
