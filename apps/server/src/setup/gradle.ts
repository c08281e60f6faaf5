import { managedBlock } from './managed-block.ts'
import type { SetupTool } from './setup-tool.ts'

export const gradleSetup: SetupTool = {
  name: 'gradle',
  title: 'Gradle',
  frontend: 'gradle',
  isUsedIn: (has) => ['settings.gradle', 'settings.gradle.kts', 'build.gradle', 'build.gradle.kts'].some(has),
  plan({ http, has }) {
    const url = `${http}/gradle/`
    const settings = has('settings.gradle.kts')
      ? managedBlock('settings.gradle.kts', kotlinLines(url), '//')
      : managedBlock('settings.gradle', groovyLines(url), '//')
    return {
      edits: [settings, managedBlock('gradle.properties', 'org.gradle.caching=true')],
      notes: [
        'Gradle keeps a cache of its own as well, in the home of its user; the server is asked for what is not there.',
      ],
    }
  },
}

// Gradle before 6 has no such property, and later ones refuse http without it.
function groovyLines(url: string): string {
  return `buildCache {
  remote(HttpBuildCache) {
    url = '${url}'
    push = true
    if (delegate.hasProperty('allowInsecureProtocol')) allowInsecureProtocol = true
  }
}`
}

function kotlinLines(url: string): string {
  return `buildCache {
  remote<HttpBuildCache> {
    url = uri("${url}")
    isPush = true
    isAllowInsecureProtocol = true
  }
}`
}
