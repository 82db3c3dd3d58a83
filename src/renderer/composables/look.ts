import type { Settings } from '../../shared/contract/settings'

export type Language = 'en' | 'ko'
export type Look = Pick<Settings, 'language' | 'theme'>

const key = 'moru.look'

/** The language to show: the one chosen, else Korean where the system's is Korean, else English. */
export function resolveLanguage(chosen: Settings['language']): Language {
  if (chosen !== 'system') return chosen
  return navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en'
}

/** Sets the colour scheme; 'system' leaves it to the media query. */
export function applyTheme(theme: Settings['theme']): void {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

/** Keeps language and theme in the page, so that the next start shows them before the host has answered. */
export function rememberLook(look: Look): void {
  localStorage.setItem(key, JSON.stringify({ language: look.language, theme: look.theme }))
}

/** The look of the last time; the system's where there is none. */
export function recallLook(): Look {
  const look: Look = { language: 'system', theme: 'system' }
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Look>
    if (kept.language === 'en' || kept.language === 'ko') look.language = kept.language
    if (kept.theme === 'light' || kept.theme === 'dark') look.theme = kept.theme
  } catch {
    // Something else wrote there: the system's look it is.
  }
  return look
}
