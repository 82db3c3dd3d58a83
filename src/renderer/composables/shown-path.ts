/** A path as people know it: of a dropped file, whose copy lies in the profile, its name alone. */
export const shownPath = (path: string): string => path.replace(/^.*[\\/]uploads[\\/][0-9a-f-]{36}[\\/]/, '')
