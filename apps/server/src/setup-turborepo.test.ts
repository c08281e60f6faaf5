import { parse } from 'jsonc-parser'
import { describe, expect, test } from 'vitest'
import { useSetupProject } from './testing/setup-project.fixture.ts'

const { read, run, write } = useSetupProject()

const url = 'http://127.0.0.1:8981'

describe('turbo.json is written as it is, and what is not changed stays byte for byte', () => {
  test.each([
    [
      'with tabs',
      '{\n\t"tasks": {\n\t\t"build": {}\n\t}\n}\n',
      `{\n\t"tasks": {\n\t\t"build": {}\n\t},\n\t"remoteCache": {\n\t\t"apiUrl": "${url}",\n\t\t"teamSlug": "team"\n\t}\n}\n`,
    ],
    [
      'with four spaces, and objects on one line',
      '{\n    "tasks": { "build": { "outputs": ["dist/**"] } }\n}',
      `{\n    "tasks": { "build": { "outputs": ["dist/**"] } },\n    "remoteCache": {\n        "apiUrl": "${url}",\n        "teamSlug": "team"\n    }\n}`,
    ],
    [
      'with comments, and a comma at the end',
      '{\n  "tasks": {}, // ours\n  // all of it\n}\n',
      `{\n  "tasks": {}, // ours\n  // all of it\n  "remoteCache": {\n    "apiUrl": "${url}",\n    "teamSlug": "team"\n  },\n}\n`,
    ],
    [
      'with a comment that has a comma, and none at the end',
      '{\n  "tasks": {} /* a, b */\n}\n',
      `{\n  "tasks": {}, /* a, b */\n  "remoteCache": {\n    "apiUrl": "${url}",\n    "teamSlug": "team"\n  }\n}\n`,
    ],
    ['on one line', '{ "tasks": {} }', `{ "tasks": {}, "remoteCache": { "apiUrl": "${url}", "teamSlug": "team" } }`],
    ['with nothing in it', '{}\n', `{\n  "remoteCache": {\n    "apiUrl": "${url}",\n    "teamSlug": "team"\n  }\n}\n`],
    [
      'with nothing but a comment in it',
      '{\n  // ours\n}\n',
      `{\n  // ours\n  "remoteCache": {\n    "apiUrl": "${url}",\n    "teamSlug": "team"\n  }\n}\n`,
    ],
    [
      'with a remote cache, of which an address is replaced and the rest kept',
      '{\n\t"remoteCache": {\n\t\t"apiUrl": "http://old", // which\n\t\t"signature":true\n\t},\n\t"a":[ 1,2 ]\n}\n',
      `{\n\t"remoteCache": {\n\t\t"apiUrl": "${url}", // which\n\t\t"signature":true,\n\t\t"teamSlug": "team"\n\t},\n\t"a":[ 1,2 ]\n}\n`,
    ],
    [
      'with a remote cache that says nothing',
      '{\n\t"remoteCache": {}\n}\n',
      `{\n\t"remoteCache": {\n\t\t"apiUrl": "${url}",\n\t\t"teamSlug": "team"\n\t}\n}\n`,
    ],
    [
      'with a remote cache on one line, switched off',
      '{\n\t"remoteCache": {"enabled":false}\n}\n',
      `{\n\t"remoteCache": {"enabled":true, "apiUrl": "${url}", "teamSlug": "team"}\n}\n`,
    ],
  ])('%s', (_, before, after) => {
    write('turbo.json', before)

    run('turborepo', { write: true })

    expect(read('turbo.json')).toBe(after)
    expect(parse(after, [], { allowTrailingComma: true })).toMatchObject({
      remoteCache: { apiUrl: url, teamSlug: 'team' },
    })
    expect(run('turborepo', { write: true })).toContain('turbo.json: unchanged')
  })

  test('also where lines end as on Windows', () => {
    write('turbo.json', '{\r\n\t"tasks": {}\r\n}\r\n')

    run('turborepo', { write: true })

    expect(read('turbo.json')).toBe(
      `{\r\n\t"tasks": {},\r\n\t"remoteCache": {\r\n\t\t"apiUrl": "${url}",\r\n\t\t"teamSlug": "team"\r\n\t}\r\n}\r\n`,
    )
  })
})
