import { describe, expect, test } from 'vitest'
import { parseCommandLine, USAGE, UsageError } from './command-line.ts'

test.each<[string[], object]>([
  [['serve'], { command: 'serve' }],
  [['serve', '--listen=[::1]:1', '--data', 'here'], { command: 'serve', flags: { listen: '[::1]:1', data: 'here' } }],
  [['setup'], { command: 'setup', tool: undefined }],
  [['--write', 'setup', 'nx'], { command: 'setup', tool: 'nx', flags: { write: true } }],
  [['setup', '--project', '../ours'], { command: 'setup', flags: { project: '../ours' } }],
  [['-v'], { command: 'version' }],
  [['serve', '--version'], { command: 'version' }],
  [['-h'], { command: 'help' }],
])('%j is in order', (args, expected) => expect(parseCommandLine(args)).toMatchObject(expected))

describe('what is wrong is told, and what was probably meant', () => {
  test.each<[string[], string]>([
    [[], 'a command is missing: serve, or setup'],
    [['server'], 'there is no command server; did you mean serve?'],
    [['purple'], 'there is no command purple'],
    [['serve', 'now'], 'serve takes no argument, and was given now'],
    [['setup', 'nx', 'turborepo'], 'setup takes one tool, or none for all, and was given nx turborepo'],
    [['serve', '--nope'], 'there is no option --nope'],
    [['serve', '--liste', 'x'], 'there is no option --liste; did you mean --listen?'],
    [['serve', '--httplisten=x'], 'there is no option --httplisten; did you mean --http-listen?'],
    [['serve', '-x'], 'there is no option -x'],
    [['serve', '--__proto__'], 'there is no option --__proto__'],
    [['serve', '--data'], '--data needs a value'],
    [['serve', '--data', '--listen', 'x'], '--data needs a value'],
    [['setup', '--write=yes'], '--write takes no value'],
    [['setup', 'nx', '--data', 'x'], '--data is an option of serve'],
    [['serve', '--write'], '--write is an option of setup'],
    [['serve', '--project', 'x'], '--project is an option of setup'],
  ])('%j', (args, message) => expect(() => parseCommandLine(args)).toThrow(new UsageError(message)))
})

test('the usage has every option', () => {
  for (const option of ['config', 'listen', 'http-listen', 'data', 'project', 'instance', 'write', 'version', 'help']) {
    expect(USAGE).toContain(`--${option} `)
  }
})
