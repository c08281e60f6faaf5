import { fileError } from '../files/file-errors.ts'

/** The journal cannot be written; `cause` says why. Tells such a failure from one of the content that was to be journalled. */
export class JournalError extends Error {
  override readonly name = 'JournalError'

  /** Waits for a file operation on the journal. */
  static async wrap<Result>(operation: Promise<Result>): Promise<Result> {
    try {
      return await operation
    } catch (error) {
      throw new JournalError('', { cause: fileError(error, 'WithCache: cannot write its journal') })
    }
  }
}
