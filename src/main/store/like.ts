/** A pattern for LIKE ... ESCAPE '\' that texts match which contain this one. */
export const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`
