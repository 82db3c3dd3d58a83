/** An axis's name with its unit, beside the middle of it. */
export const named = (name: string, nameGap: number) => ({ name, nameLocation: 'middle' as const, nameGap })
