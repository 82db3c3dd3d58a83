export const settings = { theme: '', themes: { system: '', light: '', dark: '' } }
