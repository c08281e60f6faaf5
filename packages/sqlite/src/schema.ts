import { StorageError } from '@caskade/core'
import type { SqlDatabase } from './sql.ts'

/** The version of the database that this code reads and writes, kept in `PRAGMA user_version`. */
const VERSION = 2

/**
 * - `blob`: one narrow row for each blob, so that looking up, touching and evicting never read content.
 * - `content`: the content of blobs that are rows. Not WITHOUT ROWID, which is three times slower with blobs.
 * - `entry`: the action cache.
 * - `loose_file`: files that no blob names: being written, or waiting to be removed. AUTOINCREMENT, because the name of
 *   a file must not be given to another while somebody may still remove it.
 * - `usage`: what all of them take, kept in the same transaction as the rows, and what of it is files.
 */
const SCHEMA = `
  CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    cost_bytes INTEGER NOT NULL,
    accessed_us INTEGER NOT NULL,
    file_id INTEGER
  );
  CREATE INDEX blob_by_access ON blob (accessed_us);
  CREATE TABLE content (blob_id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    cost_bytes INTEGER NOT NULL,
    accessed_us INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    reference_keys BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (namespace, key)
  );
  CREATE INDEX entry_by_access ON entry (accessed_us);
  CREATE TABLE loose_file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    cost_bytes INTEGER NOT NULL
  );
  CREATE TABLE usage (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    used_bytes INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL DEFAULT 0
  );
  INSERT INTO usage (id, used_bytes) VALUES (1, 0);
`

/** How many removals are kept on record, which takes some pages of a database that may be small. */
export const KEPT_REMOVALS = 256

/**
 * What older versions know nothing of that use the same database, and can do without; what they must keep all the same is kept by
 * a trigger: which blobs are removed.
 *
 * - `removal`: the last of them, numbered without gaps. The last one is never deleted, so numbers only grow.
 * - `recent_use`, `last_use`: uses that are later than what the rows of blobs and entries say, see `UseRecords`: the last ones of each
 *   process, many to a row; and those before. An older version takes what the rows say for the last use. AUTOINCREMENT, because who
 *   has seen all up to one must not miss another of that number.
 */
const ADDITIONS = `
  CREATE TABLE IF NOT EXISTS removal (id INTEGER PRIMARY KEY, key BLOB NOT NULL, size_bytes INTEGER NOT NULL);
  CREATE TRIGGER IF NOT EXISTS blob_removed AFTER DELETE ON blob
  BEGIN
    INSERT INTO removal (key, size_bytes) VALUES (OLD.key, OLD.size_bytes);
    DELETE FROM removal WHERE id = (SELECT max(id) FROM removal) - ${KEPT_REMOVALS};
  END;
  CREATE TABLE IF NOT EXISTS recent_use (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    last_us INTEGER NOT NULL,
    uses BLOB NOT NULL
  );
  CREATE TABLE IF NOT EXISTS last_use (key INTEGER PRIMARY KEY, used_us INTEGER NOT NULL);
  CREATE TRIGGER IF NOT EXISTS blob_use_removed AFTER DELETE ON blob
  BEGIN
    DELETE FROM last_use WHERE key = OLD.id * 2;
  END;
  CREATE TRIGGER IF NOT EXISTS entry_use_removed AFTER DELETE ON entry
  BEGIN
    DELETE FROM last_use WHERE key = OLD.id * 2 + 1;
  END;
`

/** What brings a database of version 1 to version 2, and so on. */
const UPGRADES: readonly string[] = [
  `
  ALTER TABLE usage ADD COLUMN file_bytes INTEGER NOT NULL DEFAULT 0;
  UPDATE usage SET file_bytes =
    (SELECT coalesce(sum(cost_bytes), 0) FROM blob WHERE file_id IS NOT NULL) +
    (SELECT coalesce(sum(cost_bytes), 0) FROM loose_file);
  `,
]

/**
 * Brings a database to the current version.
 *
 * @throws StorageError `unsupported` when it was written by a newer version of this package.
 */
export function migrate(database: SqlDatabase, path: string): void {
  // Must come before the first table; lets the database shrink when rows give way to files.
  database.pragma('auto_vacuum = INCREMENTAL')
  database.pragma('journal_mode = WAL')
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = Number(database.pragma('user_version', { simple: true }))
    if (version > VERSION) {
      const message = `Sqlite: ${path} was written by a newer version (format ${version}, this one knows ${VERSION}); upgrade @caskade/sqlite`
      throw new StorageError('unsupported', message)
    }
    const upgrades = version === 0 ? [SCHEMA] : UPGRADES.slice(version - 1)
    for (const upgrade of upgrades) database.exec(upgrade)
    database.exec(ADDITIONS)
    if (version < VERSION) database.pragma(`user_version = ${VERSION}`)
    database.exec('COMMIT')
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK')
    throw error
  }
}
