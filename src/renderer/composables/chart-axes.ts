/** An axis's name with its unit, beside the middle of it; `nameGap`: pixels that the figures on it need. */
export const named = (name: string, nameGap: number) => ({ name, nameLocation: 'middle' as const, nameGap })
