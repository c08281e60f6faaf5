import { formatFigure, formatTable } from '../bench/format.ts'
import { describeMachine } from '../bench/machine.ts'
import type { TimeShare } from './cpu-profile.ts'
import type { CaseProfile } from './profile-case.ts'
import { whatIsLeft } from './what-is-left.ts'

/** What a report of profiles is made of. */
export interface ProfileReport {
  readonly profiles: readonly CaseProfile[]
  readonly seed: number
  readonly command: string
  readonly date: Date
}

/** Less than this is not told. */
const SMALLEST_SHARE = 0.01

/** Writes up where our servers spend their time, as the content of SERVER-PROFILES.md. */
export function makeProfileReport({ profiles, seed, command, date }: ProfileReport): string {
  return `# Where the server's time goes

Made by \`${command}\` on ${date.toISOString().slice(0, 10)}. Do not edit: run it.

- Machine: ${describeMachine()}. Seed: ${seed}.
- V8 looks at the event loop while requests come in; what is shown is what it was busy with itself, without what the functions called. **Busy** is that for one request; **CPU** is user and system time of all threads, so the difference is work on other threads, less what the system does for the event loop while V8 does not look.
- \`native code of Node.js\` is what runs outside of JavaScript: system calls on sockets, HTTP/2 and HTTP parsing, streams. \`built-in functions\` are V8's own, hashing and SQLite among them where nothing of JavaScript is on top.

${formatTable(
  [
    ['operation', 'in flight', 'server', 'CPU µs', 'busy µs', 'where'],
    ...profiles.map(({ operation, inFlight, subject, cpuUs, busyUs, requests, areas }) => [
      operation,
      String(inFlight),
      subject,
      formatFigure(cpuUs),
      formatFigure(busyUs / requests),
      listed(areas),
    ]),
  ],
  6,
)}

${whatIsLeft}
## The functions that take most

${profiles.map(({ operation, inFlight, subject, functions }) => `- **${operation}**, ${inFlight} in flight, ${subject}: ${listed(functions)}`).join('\n')}
`
}

function listed(shares: readonly TimeShare[]): string {
  return shares
    .filter(({ share }) => share >= SMALLEST_SHARE)
    .map(({ name, share }) => `${name} ${Math.round(share * 100)} %`)
    .join('; ')
}
