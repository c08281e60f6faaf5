// Runs one case for one subject, in a process of its own, round by round as its parent says.
import { contests } from './contests.ts'
import type { ChildMessage, ParentMessage, ProcessOrder } from './messages.ts'
import { CaseRunner } from './round.ts'

const order = JSON.parse(process.argv[2] ?? '') as ProcessOrder
const contest = contests.find(({ backend }) => backend === order.benchCase.backend)
const kind = [contest?.ours, ...(contest?.peers ?? [])].find((candidate) => candidate?.name === order.subject)
if (kind === undefined) throw new Error(`there is no ${order.subject}`)

const subject = await kind.open(order.folder)
const runner = new CaseRunner(subject, order.benchCase, order.effort, order.seed)
await runner.setUp()
let cpuBefore = process.cpuUsage()

process.on('message', (message: ParentMessage) => {
  answer(message).then(send, (error: unknown) => {
    process.stderr.write(`${order.subject}: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(1)
  })
})
// A parent that is gone will not ask for anything any more.
process.on('disconnect', () => process.exit())
send({ kind: 'ready', canRun: runner.prepare(0) !== undefined })

async function answer(message: ParentMessage): Promise<ChildMessage> {
  if (message.kind === 'stop') {
    await subject.close()
    process.disconnect()
    return { kind: 'stopped' }
  }
  if (message.kind === 'settle') return { kind: 'settled', cpuUs: cpuSince(cpuBefore) }
  const round = runner.prepare(message.round)
  if (round === undefined) throw new Error('cannot do this')
  // What making the content left behind is not to be collected at the expense of the round.
  globalThis.gc?.()
  cpuBefore = process.cpuUsage()
  return { kind: 'measured', ...(await round()) }
}

/** What all threads of this process took, in microseconds. */
function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

function send(message: ChildMessage): void {
  if (process.connected) process.send?.(message)
}
