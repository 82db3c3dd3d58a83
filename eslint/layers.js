/**
 * The architecture as a table: which layer may import which (docs/architecture.md draws it).
 * A layer is a folder; the longest matching prefix wins. A folder may always import itself.
 * `public` names the only file of a layer that other layers may import.
 */
import { dirname, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const domains = {
  trace: [],
  runs: [],
  chat: ['models', 'trace'],
  models: [],
  text: ['chat', 'models', 'trace'],
  bench: ['models', 'text', 'rag'],
  profile: ['bench', 'models', 'text'],
  quantize: ['models', 'rag', 'text', 'trace'],
  cache: [],
  rag: ['cache', 'chat', 'text', 'models', 'trace'],
}
const services = ['src/main/engine', 'src/main/store', 'src/main/jobs', 'src/shared']
const inMain = (names) => names.map((name) => `src/main/${name}`)

/** The engine's folders, from the lowest up, each with those it may import. */
const engine = { formats: [], quant: ['formats'], tokenizer: ['formats'], device: [] }
/** These of the engine's folders and all that they may import. */
const withBelow = (...names) => [...new Set(names.flatMap((name) => [name, ...engine[name]]))]
engine.kernels = withBelow('device', 'quant')
engine.layers = withBelow('kernels')
engine.models = withBelow('layers')
engine.runtime = withBelow('models', 'tokenizer')
// From files to files: nothing of it runs on the device.
engine.convert = ['runtime', 'models', 'quant', 'formats', 'tokenizer']
engine.quantize = withBelow('convert', 'runtime')
const inEngine = (names) => inMain(names.map((name) => `engine/${name}`))

export const layers = {
  'src/shared': [],
  'src/preload': ['src/shared'],
  'src/renderer': ['src/shared'],
  kernels: [],
  ...Object.fromEntries(
    Object.entries(engine).map(([name, others]) => [`src/main/engine/${name}`, [...inEngine(others), 'src/shared']]),
  ),
  'src/main/engine/kernels': [...inEngine(engine.kernels), 'src/shared', 'kernels'],
  'src/main/engine': [...inEngine(withBelow('quantize')), 'src/shared'],
  'src/main/store': ['src/shared'],
  'src/main/jobs': ['src/main/store', 'src/shared'],
  'src/main/supervisor': ['src/shared'],
  // The window's files and their security headers are the same over HTTP and the shell's protocol.
  'src/main/shell': ['src/main/supervisor', 'src/main/server', 'src/shared'],
  'src/main/server': ['src/main/supervisor', 'src/shared'],
  ...Object.fromEntries(
    Object.entries(domains).map(([name, others]) => [`src/main/${name}`, [...services, ...inMain(others)]]),
  ),
  'src/main/host': [...services, ...inMain(Object.keys(domains)), 'src/main/server'],
  'src/main/cli': [...services, ...inMain(Object.keys(domains)), 'src/main/host', 'src/main/supervisor'],
  'src/main': ['src/main/shell', 'src/main/supervisor', 'src/shared'],
}
const publicIndex = { 'src/main/engine': 'src/main/engine/index.ts' }

const layerOf = (file) =>
  Object.keys(layers)
    .filter((layer) => file === layer || file.startsWith(`${layer}/`))
    .sort((a, b) => b.length - a.length)[0]

/** Why an import from `from` to `to` (paths relative to the repository) breaks the table, or null. */
export function violation(from, to) {
  const source = layerOf(from)
  const target = layerOf(to)
  if (!source || !target || source === target) return null
  for (const [layer, index] of Object.entries(publicIndex)) {
    const inside = (file) => file.startsWith(`${layer}/`)
    if (inside(to) && !inside(from)) {
      if (!layers[source].includes(layer)) return `${source} may not import ${layer}`
      return to === index || `${to}.ts` === index || to === layer ? null : `import ${index}, not ${to}`
    }
  }
  return layers[source].includes(target) ? null : `${source} may not import ${target}`
}

export default {
  rules: {
    imports: {
      meta: { type: 'problem', schema: [] },
      create(context) {
        const from = relative(root, context.filename)
        const check = (node) => {
          const specifier = node.source?.value
          if (typeof specifier !== 'string') return
          if (specifier === 'electron' && !/^src\/(main\/(index\.ts|shell\/)|preload\/)/.test(from))
            context.report({ node, message: 'only the shell and the preload import electron' })
          if (!specifier.startsWith('.')) return
          const to = relative(root, resolve(dirname(context.filename), specifier)).replace(/\?raw$/, '')
          const message = violation(from, to)
          if (message) context.report({ node, message })
        }
        return {
          ImportDeclaration: check,
          ExportNamedDeclaration: check,
          ExportAllDeclaration: check,
          ImportExpression: check,
        }
      },
    },
  },
}
