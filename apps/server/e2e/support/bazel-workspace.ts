import { join } from 'node:path'
import { writeFiles } from './folders.ts'
import { pauseLines } from './pause.ts'

/**
 * Writes a Bazel workspace whose outputs are all kinds that a cache must carry: a C++ library, binary and test, a shell
 * test, a 20 MB file, standard output and error, and a tree with a link, an empty file and an executable one. `salt` makes
 * every action one that was never run before.
 *
 * Returns the flags that let Bazel 4 build C++ without fetching anything.
 */
export function writeBazelWorkspace(folder: string, salt: string): string[] {
  writeFiles(folder, {
    'ws/WORKSPACE': 'workspace(name = "e2e")\n',
    'ws/defs.bzl': TREE_RULE.replaceAll('SALT', salt),
    'ws/BUILD': BUILD.replaceAll('SALT', salt),
    'ws/lib.h': 'int answer();\n',
    'ws/lib.cc': `#include "lib.h"\nint answer() { return 42; } // ${salt}\n`,
    'ws/main.cc': `#include <cstdio>\n#include "lib.h"\nint main() { std::printf("%d ${salt}\\n", answer()); }\n`,
    'ws/test.cc': `#include "lib.h"\nint main() { return answer() == 42 ? 0 : 1; } // ${salt}\n`,
    'ws/pause.sh': `${pauseLines(folder)}\n`,
    'ws/test.sh': `#!/bin/sh\ngrep -q hello hello.txt # ${salt}\n`,
    'stubs/rules_cc/WORKSPACE': 'workspace(name = "rules_cc")\n',
    'stubs/rules_cc/BUILD': '',
    'stubs/rules_cc/cc/BUILD': '',
    'stubs/rules_cc/cc/defs.bzl': reexport([
      'cc_binary',
      'cc_import',
      'cc_library',
      'cc_test',
      'cc_toolchain',
      'cc_toolchain_suite',
    ]),
    'stubs/rules_java/WORKSPACE': 'workspace(name = "rules_java")\n',
    'stubs/rules_java/BUILD': '',
    'stubs/rules_java/java/BUILD': '',
    'stubs/rules_java/java/defs.bzl': reexport([
      'java_binary',
      'java_import',
      'java_library',
      'java_runtime',
      'java_toolchain',
    ]),
    'stubs/remote_coverage_tools/WORKSPACE': 'workspace(name = "remote_coverage_tools")\n',
    'stubs/remote_coverage_tools/BUILD': ['coverage_report_generator', 'lcov_merger']
      .map((name) => `filegroup(name = "${name}", srcs = [], visibility = ["//visibility:public"])\n`)
      .join(''),
  })
  return ['rules_cc', 'rules_java', 'remote_coverage_tools'].map(
    (name) => `--override_repository=${name}=${join(folder, 'stubs', name)}`,
  )
}

function reexport(rules: readonly string[]): string {
  return rules.map((rule) => `${rule} = native.${rule}\n`).join('')
}

const BUILD = `
load(":defs.bzl", "tree")
genrule(name = "hello", outs = ["hello.txt"], cmd = "echo hello SALT > $@")
genrule(name = "big", outs = ["big.bin"], cmd = "head -c 20000000 /dev/zero | tr '\\\\0' x > $@; echo SALT >> $@")
genrule(name = "paused", outs = ["paused.txt"], cmd = "sh $(location pause.sh) && echo SALT > $@", srcs = ["pause.sh"], tags = ["no-sandbox"])
genrule(name = "noisy", outs = ["noisy.txt"], cmd = "echo said SALT; echo warned SALT >&2; echo x > $@")
tree(name = "tree")
cc_library(name = "lib", srcs = ["lib.cc"], hdrs = ["lib.h"])
cc_binary(name = "bin", srcs = ["main.cc"], deps = [":lib"])
cc_test(name = "cc_test", size = "small", srcs = ["test.cc"], deps = [":lib"])
sh_test(name = "sh_test", size = "small", srcs = ["test.sh"], data = [":hello"])
`

const TREE_RULE = `
def _tree_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        outputs = [out],
        command = """
          set -e
          mkdir -p $1/deep/er
          echo one SALT > $1/one.txt
          : > $1/empty
          printf '#!/bin/sh\\\\necho run' > $1/deep/run.sh
          chmod +x $1/deep/run.sh
          ln -s one.txt $1/link
          echo three > $1/deep/er/three.txt
        """,
        arguments = [out.path],
    )
    return [DefaultInfo(files = depset([out]))]

tree = rule(implementation = _tree_impl)
`
