/** Templates for models that come without one, chosen by the control tokens of their vocabulary. */
import { type Tokenizer } from './tokenizer'

const chatMl =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

const llama3 =
  "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' " +
  "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"

const gemma =
  "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}" +
  "{{ raise_exception('System role not supported') }}{% endif %}" +
  "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else message['role']) + '\\n' " +
  "+ message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"

const zephyr =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"

const byTokens: [string[], string][] = [
  [['<|im_start|>', '<|im_end|>'], chatMl],
  [['<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'], llama3],
  [['<start_of_turn>', '<end_of_turn>'], gemma],
  [['<|user|>', '<|assistant|>'], zephyr],
]

/** The template that fits the vocabulary, or null when it shows no sign of a chat format. */
export function defaultTemplate(tokenizer: Pick<Tokenizer, 'idOf'>): string | null {
  const known = byTokens.find(([tokens]) => tokens.every((token) => tokenizer.idOf(token) !== null))
  return known ? known[1] : null
}
