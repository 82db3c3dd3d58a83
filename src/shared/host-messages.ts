/** What a host process and the parent that started it say to each other over their channel. */
import { z } from 'zod'
import { errorShape } from './contract/core'

/** One connection for each window; frames are the contract's, as JSON text. */
export const parentToHost = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('frame'), connection: z.string(), text: z.string() }),
  z.object({ kind: z.literal('close'), connection: z.string() }),
  z.object({ kind: z.literal('stop') }),
])
export type ParentToHost = z.infer<typeof parentToHost>

export const hostToParent = z.discriminatedUnion('kind', [
  /** The host answers requests now. */
  z.object({ kind: z.literal('ready'), port: z.number().int(), token: z.string() }),
  /** It could not start and will end; starting it again would not help. */
  z.object({ kind: z.literal('refused'), error: errorShape }),
  z.object({ kind: z.literal('frame'), connection: z.string(), text: z.string() }),
  z.object({ kind: z.literal('closed'), connection: z.string(), reason: z.string() }),
])
export type HostToParent = z.infer<typeof hostToParent>

/** Exit status of a host that wants to be started again at once: its profile was replaced. */
export const restartExitCode = 75
/** Environment variable that carries the access token to the host: arguments can be seen by other users, this cannot. */
export const tokenVariable = 'MORU_HOST_TOKEN'
