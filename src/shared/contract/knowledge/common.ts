/** What the parts of the knowledge contract share. */
import { z } from 'zod'

export const id = z.string().min(1).max(100)

/** A part of a text, in UTF-16 units. */
export const textRange = z.object({ start: z.number().int(), end: z.number().int() })

/** Where a chunk lies in its document: offsets in UTF-16 units of the extracted text. */
export const sourcePlace = z.object({
  start: z.number().int(),
  end: z.number().int(),
  page: z.number().int().nullable(),
  headings: z.array(z.string()),
})
