export const action = {
  cancel: 'Cancel',
  close: 'Close',
  copied: 'Copied',
  copy: 'Copy',
  dismiss: 'Dismiss',
  loading: 'Loading…',
  reset: 'Reset',
  retry: 'Try again',
  save: 'Save',
  undo: 'Undo',
}

export const frame = {
  chat: 'Chat',
  knowledge: 'Knowledge',
  logs: 'Logs',
  models: 'Models',
  profile: 'Profile',
  quantize: 'Quantize',
  search: 'Search',
  settings: 'Settings',
  skip: 'Skip to content',
  views: 'Views',
}

export const host = {
  connecting: 'Connecting to the engine process…',
  lost: 'The engine process is away and is being restarted. What was written so far is kept; Moru goes on as soon as it is back.',
}

export const palette = {
  action: 'Action',
  collection: 'Collection',
  conversation: 'Chat',
  model: 'Model',
  none: 'Nothing found.',
  placeholder: 'Go to a view, chat or model, or run an action',
  title: 'Command palette',
  view: 'View',
}

export const jobs = {
  cancel: 'Cancel {name}',
  left: '{time} left',
  more: '{n} more',
  none: 'Nothing is running.',
  parameters: 'Parameters',
  repeat: 'Run {name} again',
  result: 'Result',
  resume: 'Resume {name}',
  state: {
    cancelled: 'Cancelled',
    done: 'Done',
    failed: 'Failed',
    interrupted: 'Interrupted',
    running: 'Running',
  },
  title: 'Jobs',
}

export const engine = {
  adapter: 'Adapter',
  blocks: 'KV blocks in use',
  context: 'Context',
  details: 'Engine details',
  memory: 'Memory held',
  model: 'Model',
  noAdapter: 'No graphics adapter',
  noModel: 'No model is loaded. The first message loads one.',
  software: 'This adapter is software: the processor does the work of a graphics card. Answers are right, but slow.',
  state: {
    generating: 'Writing',
    idle: 'No model loaded',
    loading: 'Loading a model',
    lost: 'Device lost',
    no_adapter: 'No graphics adapter',
    ready: 'Ready',
    unknown: 'Not connected',
  },
  title: 'Engine',
  toProfile: 'Open the profile',
  unload: 'Unload model',
}

export const unit = {
  bytes: '{n} B',
  characters: 'no characters | {n} character | {n} characters',
  hour: '{h} h {m} min',
  min: '{m} min {s} s',
  ms: '{n} ms',
  perSecond: '{n}/s',
  s: '{n} s',
  tokens: 'no tokens | {n} token | {n} tokens',
  tokensPerSecond: '{n} tokens/s',
}

export const error = {
  busy: { title: 'Something else is using it', advice: 'Wait until it has finished, or stop it, and try again.' },
  cancelled: { title: 'Cancelled', advice: 'Start it again whenever you like.' },
  conflict: { title: 'It is there already, or has changed', advice: 'Reload and check what is there now.' },
  context_full: {
    title: 'The context is full',
    advice: 'Begin a new chat, shorten the message, choose a longer context, or let the oldest messages be dropped.',
  },
  device_lost: {
    title: 'The graphics device was lost',
    advice: 'Moru sets it up again. Send the message once more; if it happens again, update the graphics driver.',
  },
  internal: {
    title: 'Something went wrong inside Moru',
    advice: 'This is a defect. Try again; if it stays, restart Moru and report what is said here.',
  },
  invalid_file: {
    title: 'The file cannot be read',
    advice: 'Check that it was copied or downloaded completely, and that it is the right file.',
  },
  invalid_input: { title: 'This cannot be used as it is', advice: 'Correct what is named and try again.' },
  io: {
    title: 'Reading or writing failed',
    advice: 'Check that the path exists, that you may use it, and that the disk has room.',
  },
  model_not_loaded: { title: 'No model is loaded', advice: 'Choose a model for this chat, or load one under Models.' },
  network: {
    title: 'There is no connection',
    advice: 'Check the network, and address and proxy in Settings. What you typed is kept.',
  },
  no_adapter: {
    title: 'No graphics adapter was found',
    advice:
      'Install a Vulkan driver (on Debian and Ubuntu: mesa-vulkan-drivers) and restart Moru. Settings shows what was found.',
  },
  not_found: {
    title: 'It is not there any more',
    advice: 'It may have been deleted or moved. Go back and choose another.',
  },
  out_of_memory: {
    title: 'There is not enough memory',
    advice: 'Choose a shorter context, the KV type f16, or a smaller model.',
  },
  unauthorized: {
    title: 'Access was refused',
    advice: 'Enter an access token in Settings, and accept the terms of the repository on its page.',
  },
  unsupported: { title: 'Moru cannot do this', advice: 'Choose another file or model.' },
}
