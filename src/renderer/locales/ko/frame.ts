export const action = {
  cancel: '취소',
  close: '닫기',
  copied: '복사됨',
  copy: '복사',
  dismiss: '닫기',
  loading: '불러오는 중…',
  reset: '초기화',
  retry: '다시 시도',
  save: '저장',
  undo: '실행 취소',
}

export const frame = {
  chat: '채팅',
  knowledge: '지식',
  logs: '로그',
  models: '모델',
  profile: '프로파일',
  quantize: '양자화',
  search: '검색',
  settings: '설정',
  skip: '본문으로 건너뛰기',
  views: '화면',
}

export const host = {
  connecting: '엔진 프로세스에 연결하는 중입니다…',
  lost: '엔진 프로세스와 연결이 끊겨 다시 시작하고 있습니다. 지금까지 작성된 내용은 그대로 있으며, 연결되면 이어서 진행합니다.',
}

export const palette = {
  action: '동작',
  collection: '컬렉션',
  conversation: '채팅',
  model: '모델',
  none: '찾은 항목이 없습니다.',
  placeholder: '화면, 채팅, 모델로 이동하거나 동작 실행',
  title: '명령 팔레트',
  view: '화면',
}

export const jobs = {
  cancel: '{name} 취소',
  left: '{time} 남음',
  more: '외 {n}개',
  none: '실행 중인 작업이 없습니다.',
  parameters: '매개변수',
  repeat: '{name} 다시 실행',
  result: '결과',
  resume: '{name} 이어서 실행',
  state: {
    cancelled: '취소됨',
    done: '완료',
    failed: '실패',
    interrupted: '중단됨',
    running: '실행 중',
  },
  title: '작업',
}

export const engine = {
  adapter: '어댑터',
  blocks: '사용 중인 KV 블록',
  context: '컨텍스트',
  details: '엔진 상세',
  memory: '사용 중인 메모리',
  model: '모델',
  noAdapter: '그래픽 어댑터 없음',
  noModel: '불러온 모델이 없습니다. 첫 메시지를 보내면 모델을 불러옵니다.',
  software: '소프트웨어 어댑터입니다. 그래픽 카드가 할 일을 CPU가 대신하므로 답변은 정확하지만 느립니다.',
  state: {
    generating: '작성 중',
    idle: '불러온 모델 없음',
    loading: '모델 불러오는 중',
    lost: '장치 연결 끊김',
    no_adapter: '그래픽 어댑터 없음',
    ready: '준비됨',
    unknown: '연결되지 않음',
  },
  title: '엔진',
  toProfile: '프로파일 열기',
  unload: '모델 내리기',
}

export const unit = {
  bytes: '{n}B',
  characters: '0자 | {n}자 | {n}자',
  hour: '{h}시간 {m}분',
  min: '{m}분 {s}초',
  ms: '{n}ms',
  perSecond: '초당 {n}',
  s: '{n}초',
  tokens: '토큰 0개 | 토큰 {n}개 | 토큰 {n}개',
  tokensPerSecond: '{n}토큰/초',
}

export const error = {
  busy: {
    title: '다른 작업에서 사용 중입니다',
    advice: '작업이 끝날 때까지 기다리거나 작업을 중지한 뒤 다시 시도하세요.',
  },
  cancelled: { title: '취소했습니다', advice: '언제든 다시 시작할 수 있습니다.' },
  conflict: { title: '이미 있거나 그사이 변경되었습니다', advice: '새로 고친 뒤 현재 상태를 확인하세요.' },
  context_full: {
    title: '컨텍스트가 가득 찼습니다',
    advice:
      '새 채팅을 시작하거나, 메시지를 줄이거나, 컨텍스트 길이를 늘리거나, 오래된 메시지부터 제외하도록 설정하세요.',
  },
  device_lost: {
    title: '그래픽 장치와 연결이 끊겼습니다',
    advice: 'Moru가 장치를 다시 준비합니다. 메시지를 한 번 더 보내 보고, 반복되면 그래픽 드라이버를 업데이트하세요.',
  },
  internal: {
    title: 'Moru 내부에서 문제가 생겼습니다',
    advice: 'Moru의 결함입니다. 다시 시도해 보고, 계속되면 Moru를 다시 시작한 뒤 이 내용을 알려 주세요.',
  },
  invalid_file: {
    title: '파일을 읽을 수 없습니다',
    advice: '복사나 다운로드가 끝까지 되었는지, 올바른 파일인지 확인하세요.',
  },
  invalid_input: { title: '입력한 내용을 그대로 쓸 수 없습니다', advice: '표시된 부분을 고친 뒤 다시 시도하세요.' },
  io: {
    title: '읽거나 쓰지 못했습니다',
    advice: '경로가 맞는지, 접근 권한이 있는지, 디스크에 공간이 남아 있는지 확인하세요.',
  },
  model_not_loaded: {
    title: '불러온 모델이 없습니다',
    advice: '이 채팅에서 쓸 모델을 고르거나, 모델 화면에서 모델을 불러오세요.',
  },
  network: {
    title: '연결되지 않았습니다',
    advice: '네트워크와 설정의 주소, 프록시를 확인하세요. 입력한 내용은 그대로 있습니다.',
  },
  no_adapter: {
    title: '그래픽 어댑터를 찾지 못했습니다',
    advice:
      'Vulkan 드라이버(Debian, Ubuntu: mesa-vulkan-drivers)를 설치하고 Moru를 다시 시작하세요. 찾은 장치는 설정에서 볼 수 있습니다.',
  },
  not_found: {
    title: '더 이상 존재하지 않습니다',
    advice: '삭제되었거나 옮겨졌을 수 있습니다. 돌아가서 다른 항목을 고르세요.',
  },
  out_of_memory: {
    title: '메모리가 부족합니다',
    advice: '컨텍스트 길이를 줄이거나, KV 형식을 f16으로 바꾸거나, 더 작은 모델을 고르세요.',
  },
  unauthorized: {
    title: '접근이 거부되었습니다',
    advice: '설정에서 액세스 토큰을 입력하고, 저장소 페이지에서 이용 약관에 동의하세요.',
  },
  unsupported: { title: 'Moru에서 지원하지 않습니다', advice: '다른 파일이나 모델을 고르세요.' },
}
