/** Run as a program of its own: writes an answer as it grows until it is killed. Prints each state once it is stored. */
import { openStore } from '../../../src/main/store'

const store = openStore(process.argv[2])
const { id: conversationId } = store.conversations.create('기록', {})
const user = store.messages.add({ conversationId, parentId: null, role: 'user', text: '길게 써 줘' })
const answer = store.messages.add({
  conversationId,
  parentId: user.id,
  role: 'assistant',
  text: '',
  status: 'streaming',
})
store.conversations.update(conversationId, { currentMessageId: answer.id })
process.stdout.write(`${answer.id} 0\n`)
let text = ''
for (let n = 1; ; n++) {
  text += `${n}번째 문장입니다. `
  store.messages.update(answer.id, { text })
  process.stdout.write(`${answer.id} ${n}\n`)
  await new Promise((resolve) => setImmediate(resolve))
}
