export const models = { import: '', download: '' }
