import type { FileEdit, SetupTool } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'

const EXTENSION = `<extension>
    <groupId>org.apache.maven.extensions</groupId>
    <artifactId>maven-build-cache-extension</artifactId>
    <version>1.2.2</version>
  </extension>`

export const mavenSetup: SetupTool = {
  name: 'maven',
  title: 'Maven',
  frontend: 'gradle',
  isUsedIn: (has) => has('pom.xml'),
  plan: ({ http }) => ({
    edits: [extensionsEdit(), configEdit(`${http}/gradle`)],
    notes: [
      'The build cache extension needs Maven 3.9 or newer.',
      'Maven takes plain http from this machine alone; for a server elsewhere, put something with https in front of it.',
    ],
  }),
}

function extensionsEdit(): FileEdit {
  const path = '.mvn/extensions.xml'
  return {
    path,
    lines: EXTENSION,
    change(content) {
      if (content === undefined) return `<extensions>\n  ${EXTENSION}\n</extensions>\n`
      if (content.includes('maven-build-cache-extension')) return content
      // The last one, because those before it may be in comments.
      const end = content.lastIndexOf('</extensions>')
      if (end === -1) throw new SetupError(`${path}: it has no end of <extensions>`)
      return `${content.slice(0, end)}  ${EXTENSION}\n${content.slice(end)}`
    },
  }
}

function configEdit(url: string): FileEdit {
  const path = '.mvn/maven-build-cache-config.xml'
  const remote = `<remote enabled="true" saveToRemote="true">
      <url>${url}</url>
    </remote>`
  return {
    path,
    lines: remote,
    change(content) {
      if (content === undefined) return configFile(remote)
      if (content.includes(`<url>${url}</url>`)) return content
      throw new SetupError(`${path}: it is there already; write this into its <configuration>:\n    ${remote}`)
    },
  }
}

function configFile(remote: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<cache xmlns="http://maven.apache.org/BUILD-CACHE-CONFIG/1.2.0">
  <configuration>
    ${remote}
  </configuration>
</cache>
`
}
