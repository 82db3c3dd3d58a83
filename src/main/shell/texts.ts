/** The shell's own words: the menu and the dialogs that the window cannot show itself. */
export type Language = 'en' | 'ko'

/** The language of a locale as the system or a page names it ('ko-KR'); English for all that is not Korean. */
export const languageOf = (locale: string): Language => (/^ko\b/i.test(locale) ? 'ko' : 'en')

const en = {
  file: 'File',
  newWindow: 'New Window',
  closeWindow: 'Close Window',
  quit: 'Quit Moru',
  edit: 'Edit',
  undo: 'Undo',
  redo: 'Redo',
  cut: 'Cut',
  copy: 'Copy',
  paste: 'Paste',
  selectAll: 'Select All',
  view: 'View',
  reload: 'Reload',
  resetZoom: 'Actual Size',
  zoomIn: 'Zoom In',
  zoomOut: 'Zoom Out',
  fullScreen: 'Full Screen',
  developerTools: 'Developer Tools',
  help: 'Help',
  showLog: 'Show the Host’s Log',
  aboutMoru: 'About Moru',
  hostFailed: 'Moru’s engine cannot be started.',
  tryAgain: 'Try Again',
  pickModel: 'Choose a model file',
  pickModelFolder: 'Choose a model folder',
  pickBackupTarget: 'Save a backup',
  pickBackupSource: 'Choose a backup',
  modelFiles: 'Models (GGUF, safetensors)',
  backupFiles: 'Backups of Moru',
  allFiles: 'All files',
}
export type Texts = typeof en

const ko: Texts = {
  file: '파일',
  newWindow: '새 창',
  closeWindow: '창 닫기',
  quit: 'Moru 끝내기',
  edit: '편집',
  undo: '실행 취소',
  redo: '다시 실행',
  cut: '잘라내기',
  copy: '복사',
  paste: '붙여넣기',
  selectAll: '모두 선택',
  view: '보기',
  reload: '새로 고침',
  resetZoom: '실제 크기',
  zoomIn: '확대',
  zoomOut: '축소',
  fullScreen: '전체 화면',
  developerTools: '개발자 도구',
  help: '도움말',
  showLog: '호스트 로그 보기',
  aboutMoru: 'Moru 정보',
  hostFailed: 'Moru 엔진을 시작할 수 없습니다.',
  tryAgain: '다시 시도',
  pickModel: '모델 파일 선택',
  pickModelFolder: '모델 폴더 선택',
  pickBackupTarget: '백업 저장',
  pickBackupSource: '백업 파일 선택',
  modelFiles: '모델 (GGUF, safetensors)',
  backupFiles: 'Moru 백업',
  allFiles: '모든 파일',
}

export const texts: Record<Language, Texts> = { en, ko }
