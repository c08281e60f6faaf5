import type { Deadlines } from './deadlines.ts'
import type { MessageBuffers } from './message-buffers.ts'
import type { MessageTurns } from './message-turns.ts'
import type { ReceiveBudget } from './receive-budget.ts'

/** What all calls of a server share. */
export interface ServerCallOptions {
  readonly maxMessageBytes: number
  readonly budget: ReceiveBudget
  readonly buffers: MessageBuffers
  readonly turns: MessageTurns
  readonly deadlines: Deadlines
}
