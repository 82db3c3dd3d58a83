/** Finds the name that GGUF has for the way a tokenizer.json cuts text, by what it does to texts that tell them apart. */
import { MoruError } from '../../../shared/errors'
import { type JsonObject } from './json-fields'
import { componentsOf, splitterOf } from './json-pre-tokenizer'
import { preTokenizerNames, preTokenizerOf, splitText } from './pre-tokenizers'

/** Contractions in both cases, runs of digits and spaces, line breaks, scripts, marks and signs that rules treat apart. */
const probes = [
  "It's I'LL we've don't 'Twas O'Neil's",
  'a1 12 123 1234 12345678 3.14159 ٣٤٥٦ ⅷ½²',
  '  two   three    spaces\tand\t\ttabs ',
  'line\nbreak\n\n\ntwo \n mixed\r\n\r\n  end  \n',
  'camelCase HTTPServer iPhone XMLHttpRequest ALLCAPS',
  'foo_bar::baz() => {x += 1; y != 2} // #$%^&*~|`<>',
  '안녕하세요 세계! 한국어 텍스트, 그리고 １２３.',
  '漢字かな交じり文とカタカナ。中文，标点！',
  'naïve café ÀÉÎ résumé e\u0301 n\u0303',
  'emoji 👩‍👩‍👧 🔥🔥 … — “quotes” ‘single’',
  'हिन्दी العربية ไทย עברית Ελληνικά русский',
  'a/b\\c path/to/file.txt http://example.com/?q=1&r=2',
  "!!!??? ...,,, (paren) [x] 'a' \"b\" A's 9's",
] as const

/** @throws MoruError unsupported where no name of GGUF does the same */
export function recognizePreTokenizer(json: JsonObject): string {
  const split = splitterOf(json.pre_tokenizer)
  const model = json.model as JsonObject
  const ignoreMerges = model.ignore_merges === true
  const cut = probes.map((probe) => split(probe, true).join('\0'))
  const fits = (name: string): boolean => {
    const pre = preTokenizerOf(name)
    if (pre.ignoreMerges !== ignoreMerges || pre.addSep !== endsWithSeparator(json)) return false
    return probes.every((probe, i) => splitText(probe, pre.patterns).join('\0') === cut[i])
  }
  const name = preTokenizerNames.find(fits)
  if (name) return name
  throw new MoruError(
    'unsupported',
    'tokenizer.json cuts text in a way that GGUF has no name for: llama.cpp would garble it. Keep the model as safetensors.',
  )
}

/** RoBERTa's tokenizers put a separator behind every text; otherwise they are GPT-2's. */
const endsWithSeparator = (json: JsonObject): boolean =>
  componentsOf(json.post_processor).some((step) => step.type === 'RobertaProcessing')
