/** Where other programs on this machine keep their models. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Machine {
  home: string
  environment: NodeJS.ProcessEnv
  platform: NodeJS.Platform
  /** Folders of programs that run as a system service. */
  systemOllama: string[]
}

export const systemOllamaFolders = [
  '/usr/share/ollama/.ollama/models',
  '/var/lib/ollama/.ollama/models',
  '/var/lib/ollama',
]

const given = (...folders: (string | undefined)[]): string[] => folders.filter((folder) => folder !== undefined && folder !== '') as string[] // prettier-ignore
const below = (folder: string | undefined, ...path: string[]) => (folder ? join(folder, ...path) : undefined)

/** LM Studio: its home (~/.lmstudio-home-pointer says where that was moved), or the folder chosen in its settings. */
export async function lmStudioFolders({ home }: Machine): Promise<string[]> {
  const pointer = (await readFile(join(home, '.lmstudio-home-pointer'), 'utf8').catch(() => '')).trim()
  const homes = given(pointer, join(home, '.lmstudio'), join(home, '.cache', 'lm-studio'))
  const chosen = await Promise.all(homes.map((folder) => downloadsFolder(join(folder, 'settings.json'))))
  return given(...chosen, ...homes.map((folder) => join(folder, 'models')))
}

async function downloadsFolder(settings: string): Promise<string | undefined> {
  try {
    const { downloadsFolder: folder } = JSON.parse(await readFile(settings, 'utf8'))
    return typeof folder === 'string' ? folder : undefined
  } catch {
    return undefined
  }
}

export function ollamaFolders({ home, environment, systemOllama }: Machine): string[] {
  return given(environment.OLLAMA_MODELS, join(home, '.ollama', 'models'), ...systemOllama)
}

export function llamaCppFolders({ home, environment, platform }: Machine): string[] {
  const local = platform === 'win32' ? below(environment.LOCALAPPDATA, 'llama.cpp') : undefined
  const mac = platform === 'darwin' ? join(home, 'Library', 'Caches', 'llama.cpp') : undefined
  const cache = environment.XDG_CACHE_HOME || join(home, '.cache')
  return given(environment.LLAMA_CACHE, local, mac, join(cache, 'llama.cpp'))
}

export function huggingFaceFolders({ home, environment }: Machine): string[] {
  const cache = environment.XDG_CACHE_HOME || join(home, '.cache')
  return given(
    environment.HF_HUB_CACHE,
    environment.HUGGINGFACE_HUB_CACHE,
    below(environment.HF_HOME, 'hub'),
    join(cache, 'huggingface', 'hub'),
    join(home, '.cache', 'huggingface', 'hub'),
  )
}
