import { createI18n } from 'vue-i18n'
import { recallLook, resolveLanguage } from '../composables/look'
import { en } from './en'
import { ko } from './ko'

/** The texts of the window in both languages; English shows where Korean should ever lack one. */
export const createTexts = (locale: 'en' | 'ko' = resolveLanguage(recallLook().language)) =>
  createI18n({ legacy: false, locale, fallbackLocale: 'en', messages: { en, ko } })
