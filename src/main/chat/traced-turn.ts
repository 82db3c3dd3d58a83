/** A turn as a call: what was asked, with what settings, and what came of it. */
import { type TraceMessage } from '../../shared/contract/traces'
import { type CallRecorder, loadAttributes, modelAttributes, samplingAttributes } from '../trace'
import { templateMessages } from './prompt'
import { type TurnContext } from './turn-stages'

export function tracedTurn(tracer: CallRecorder, context: TurnContext, work: () => Promise<void>): Promise<void> {
  const { conversation, modelId, load, turn, continues } = context
  const attributes = {
    ...modelAttributes(modelId),
    ...samplingAttributes(conversation.settings.sampling),
    ...loadAttributes(load),
    'gen_ai.conversation.id': conversation.id,
    'moru.message.id': turn.assistant.id,
    'moru.thinking': conversation.settings.thinking,
    ...(continues && { 'moru.continues': true }),
  }
  const input = (): TraceMessage[] => templateMessages(conversation.settings, context.path)
  return tracer.run('chat', { attributes, input }, async (span) => {
    try {
      await work()
    } finally {
      // Also of a turn that was stopped or broke off: what was written is what came out.
      const { text, reasoning } = turn.answer
      span?.output(written({ text: turn.rewritten ?? text, reasoning }))
    }
  })
}

const written = ({ text, reasoning }: { text: string; reasoning: string }): TraceMessage[] => [
  ...(reasoning === '' ? [] : [{ role: 'reasoning' as const, content: reasoning }]),
  { role: 'assistant', content: text },
]
