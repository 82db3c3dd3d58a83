/** What the engine and its callers know of a tokenizer. Built by the loaders beside this file. */
export interface Tokenizer {
  /** 'bpe' byte-level BPE, 'spm' SentencePiece BPE, 'unigram', 'wordpiece'; 'none' knows ids alone. */
  kind: 'bpe' | 'spm' | 'unigram' | 'wordpiece' | 'none'
  vocabSize: number
  bosId: number | null
  eosId: number | null
  /** Ids that end generation: eos, end of turn, and what generation_config.json adds. */
  endIds: ReadonlySet<number>
  unknownId: number | null
  padId: number | null
  /** Whether the model wants BOS (EOS) around a plain text; chat templates write theirs themselves. */
  addBos: boolean
  addEos: boolean
  /** Whether encoding puts a space before a text, which decoding takes away again. */
  leadingSpace: boolean
  /**
   * Token ids of a text. `special`: whether control tokens written in the text are recognised.
   * `affixes`: whether BOS/EOS (or [CLS]/[SEP]) are added as the model wants; default false.
   */
  encode(text: string, options: { special: boolean; affixes?: boolean }): number[]
  /** A text cut at its control tokens: plain strings and ids in turn. */
  splitControls(text: string): (string | number)[]
  /** Ids of what splitControls cut; inside the strings no control token is recognised. */
  encodeParts(parts: readonly (string | number)[]): number[]
  /** The text with `mark` put inside every control token that occurs in it: encoded, it holds none. */
  breakControls(text: string, mark: string): string
  /** Text of ids; control tokens are left out unless `special`. Invalid UTF-8 becomes U+FFFD. decode([]) is ''. */
  decode(ids: ArrayLike<number>, options?: { special?: boolean }): string
  /** The token as written in the vocabulary. */
  token(id: number): string
  /** Id of a vocabulary entry, or null. */
  idOf(token: string): number | null
  /** The bytes a token stands for in running text (empty for control tokens): pieces may end inside a UTF-8 character. */
  bytes(id: number): Uint8Array
  isControl(id: number): boolean
}

/** One message as chat templates see it. */
export interface TemplateMessage {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
  reasoning_content?: string
}

export interface RenderOptions {
  addGenerationPrompt: boolean
  /** Further template variables, e.g. enable_thinking. */
  variables?: Record<string, unknown>
}

export interface ChatTemplate {
  source: string
  /** The prompt as text, exactly as the template writes it. */
  render(messages: TemplateMessage[], options: RenderOptions): string
  /** The prompt as ids: control tokens are recognised where the template wrote them, never inside message texts. */
  encode(messages: TemplateMessage[], options: RenderOptions): { text: string; ids: number[] }
}
