import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'rolldown'

/** Two builds of the source as it is, with the channels for tracing and without them: the URLs of their modules. */
export async function buildWithoutTracing() {
  const { default: configs } = await import(pathToFileURL(resolve('rolldown.config.js')).href)
  const [program] = configs
  mkdirSync('node_modules/.cache', { recursive: true })
  // Beside the packages that they import.
  const folder = mkdtempSync(resolve('node_modules/.cache/zproc-untraced-'))
  const built = async (name: string, plugins: Plugin[]): Promise<string> => {
    const dir = join(folder, name)
    await build({ ...program, plugins: [...program.plugins, ...plugins], output: { ...program.output, dir } })
    return pathToFileURL(join(dir, 'index.js')).href
  }
  return {
    with: await built('with', []),
    without: await built('without', [withoutChannels]),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** Leaves out each question whether a channel has subscribers, and what a tracing system would have carried. */
const withoutChannels: Plugin = {
  name: 'without-channels',
  transform(code, id) {
    if (!/\/src\/(?!tracing|opentelemetry).*\.ts$/.test(id)) return undefined
    return code.replace(/\bisTraced\(\w+\)/g, 'false').replace(/\binject\(\)/g, 'undefined')
  },
}
