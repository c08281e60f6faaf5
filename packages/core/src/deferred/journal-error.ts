import { fileError } from '../files/file-errors.ts'
import { StorageError } from '../storage-error.ts'

/** The journal cannot be written. Tells such a failure from one of the content that was to be journalled. */
export class JournalError extends StorageError {
  /** Waits for a file operation on the journal. */
  static async wrap<Result>(operation: Promise<Result>): Promise<Result> {
    try {
      return await operation
    } catch (error) {
      const failure = fileError(error, 'WithCache: cannot write its journal')
      if (failure instanceof JournalError || !StorageError.is(failure)) throw failure
      throw new JournalError(failure.code, failure.message, { cause: error })
    }
  }
}
