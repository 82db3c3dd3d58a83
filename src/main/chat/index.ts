/** The chat domain's public face. */
export { ChatService } from './chat-service'
export { type AskEvent, type AskInput, type DocumentAnswers } from './document-answers'
export { type ChatModel, type Generator, type LoadedChatModel } from './generator'
export { chatHandlers, conversationHandlers, presetHandlers, settingsHandlers } from './handlers'
export { type Stage, type TurnContext, turnStages } from './turn-stages'
