/**
 * Names of the messages between a window's preload script and the shell. Frames and states carry the page's own id, made
 * afresh at each load: what was meant for the page before a reload is told apart.
 */
export const channels = {
  /** Both ways: page id, frame of the contract as JSON text. */
  frame: 'moru:frame',
  /** To the shell: page id, meaning say it; to the window: page id, HostState. */
  hostState: 'moru:host-state',
  pickFiles: 'moru:pick-files',
  /** To the shell: the language that the window shows, so that the menu follows. */
  language: 'moru:language',
} as const
