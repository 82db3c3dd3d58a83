import { describe, expect, it } from 'vitest'
import { snippetOf } from '../../../src/main/store/message-search'
import { temporaryStore } from './temporary-profile'

function library() {
  const store = temporaryStore()
  const say = (title: string, ...texts: string[]) => {
    const { id } = store.conversations.create(title, {})
    let parentId: string | null = null
    for (const text of texts) parentId = store.messages.add({ conversationId: id, parentId, role: 'user', text }).id
    return id
  }
  const ids = {
    weather: say('날씨 이야기', '오늘 서울 날씨는 맑고 바람이 분다.', '내일은 비가 온다'),
    cooking: say('Dinner', 'How do I make Kimchi fried rice?', '김치볶음밥은 밥을 식혀서 볶는다.'),
    percent: say('할인', '가격이 50% 내렸다', 'path_to\\file "quoted"'),
    mac: say('한글 파일'.normalize('NFD'), '보고서 초안'.normalize('NFD')),
  }
  const find = (query: string) =>
    store.conversations.list(query, 100).map((c) => Object.entries(ids).find(([, id]) => id === c.id)![0])
  return { store, find, ids }
}

describe('search over titles and texts', () => {
  it.each([
    ['날씨', ['weather']], // two syllables: in a title and a text
    ['서울', ['weather']],
    ['비', ['weather']],
    ['볶음밥', ['cooking']], // inside a word
    ['밥', ['cooking']],
    ['KIMCHI', ['cooking']],
    ['ri', ['cooking']],
    ['dinn', ['cooking']],
    ['make fried', ['cooking']],
    ['make 서울', []],
    ['서울 바람', ['weather']],
    ['서울 비가', []], // in two different messages
    ['50%', ['percent']],
    ['0%', ['percent']],
    ['%%', []],
    ['h_', ['percent']],
    ['\\f', ['percent']],
    ['"quoted"', ['percent']],
    ['NEAR(a b)', []],
    ['초안', ['mac']],
    ['보고서', ['mac']],
    ['파일', ['mac']],
    ['파일'.normalize('NFD'), ['mac']],
    ['없는말', []],
  ])('%s', (query, expected) => {
    expect(library().find(query)).toEqual(expected)
  })

  it('shows the surroundings in the latest message that matches, and none for a title', () => {
    const { store } = library()
    expect(store.conversations.list('날씨', 9)[0].snippet).toBe('오늘 서울 날씨는 맑고 바람이 분다.')
    expect(store.conversations.list('이야기', 9)[0].snippet).toBeNull()
    const long = `${'가나다 '.repeat(50)}모루\n\n찾기${' 라마바'.repeat(50)}`
    const snippet = snippetOf(long, ['모루', '찾기'])
    expect(snippet).toMatch(/^….*모루 찾기.*…$/)
    expect(snippet.length).toBeLessThan(130)
    expect(snippetOf(`${'👍'.repeat(60)}모루`, ['모루']).isWellFormed()).toBe(true)
  })

  it('finds an answer once it is no longer being written, and what it became', () => {
    const { store, ids } = library()
    const answer = store.messages.add({
      conversationId: ids.weather,
      parentId: null,
      role: 'assistant',
      text: '',
      status: 'streaming',
    })
    store.messages.update(answer.id, { text: '무지개가 떴다' })
    store.messages.update(answer.id, { status: 'complete' })
    expect(store.conversations.list('무지개', 9)).toHaveLength(1)
    store.messages.update(answer.id, { text: '소나기가 왔다' })
    expect(store.conversations.list('무지개', 9)).toHaveLength(0)
    expect(store.conversations.list('소나기', 9)).toHaveLength(1)
    store.messages.update(answer.id, { status: 'streaming' })
    store.messages.update(answer.id, { text: '소나기가 그쳤다', status: 'stopped' })
    expect(store.conversations.list('그쳤다', 9)).toHaveLength(1)
  })

  it('answers within a blink over 5,000 messages', () => {
    const store = temporaryStore()
    const words = ['모루', '서울', '날씨', '언어', '모델', 'model', 'token', 'cache', '양자화', '학습', '문서', '검색']
    const text = (seed: number) =>
      Array.from({ length: 150 }, (_, i) => words[(seed * 31 + i * i * 7) % words.length]).join(' ')
    store.transaction(() => {
      for (let c = 0; c < 100; c++) {
        const { id } = store.conversations.create(`대화 ${c}`, {})
        for (let m = 0; m < 50; m++)
          store.messages.add({
            conversationId: id,
            parentId: null,
            role: 'user',
            text: c === 77 && m === 30 ? `${text(m)} 바늘 하나 needle` : text(c * 50 + m),
          })
      }
    })
    for (const query of ['바늘', 'needle', '바늘 하나']) {
      const start = performance.now()
      expect(store.conversations.list(query, 500)).toHaveLength(1)
      expect(performance.now() - start, query).toBeLessThan(250)
    }
  })
})
